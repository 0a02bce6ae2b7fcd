#include "core/ops/linear.h"

#include <optional>

#include "core/error.h"
#include "core/ops/row_products.h"

namespace tessera::ops {
namespace {

void check_linear(const Var& x, const Var& weight, const Var& bias) {
  if (weight.shape().rank() != 2 || x.shape().rank() < 1 || x.dim(-1) != weight.dim(1)) {
    fail<ShapeError>("[linear] x {} does not fit weight {}: the last dimension of x must be {}",
                     x.shape(), weight.shape(), weight.shape().rank() == 2 ? weight.dim(1) : -1);
  }
  if (bias && bias.shape() != Shape{weight.dim(0)}) {
    fail<ShapeError>("[linear] bias {} does not fit weight {}", bias.shape(), weight.shape());
  }
}

void linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, const GradSink& dx,
                     const GradSink& dw, const GradSink& db) {
  const std::int64_t in = w.dim(1), out = w.dim(0);
  const RowSlices slices = plan_row_slices(x.shape().rows(), in * out);
  PartialSums dw_sums(dw, slices.parts), db_sums(db, slices.parts);
  std::optional<RowWeight> weight;
  if (dx) weight.emplace(w, WeightUse::kBackward, x.dtype(), slices);
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    if (weight) {
      weight->multiply({.x = row_of(dy, begin),
                        .y = row_of(dx.grad, begin),
                        .rows = count,
                        .accumulate = dx.accumulate});
    }
    add_weight_gradient(row_of(dy, begin), out, row_of(x, begin), in, x.dtype(), count, dw_sums,
                        part);
    if (db_sums) {
      column_sums(dy, begin, count, db_sums.target(part), db_sums.accumulate(part));
    }
  });
  dw_sums.reduce();
  db_sums.reduce();
}

/// y = x W^T + bias in integers of 8 bits.
void quantized_linear(const Tensor& x, const QuantizedWeight& w, const Tensor& bias,
                      const Tensor& y) {
  const std::int64_t in = x.dim(-1);
  const RowSlices slices = plan_quantized_slices(x.shape().rows(), in * y.dim(-1));
  const QuantizedSlices integers(slices, in);
  const Tensor offsets = w.offsets(bias ? bias.f32() : nullptr);
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    std::uint8_t* const q = integers.of(part);
    quantize(row_of(x, begin), x.dtype(), w.input(), q, count * in);
    w.multiply(q, count, offsets, row_of(y, begin), y.dtype());
  });
}

/// What evaluation makes of the product of a map of tokens, instead of the plain one; a
/// classifier's head and tables of positions, which have no map, are left out.
const QuantizedWeight* quantized_weight(Tape& tape, const Var& x, const Var& weight) {
  PackedWeights* const kept = tape.options().packed;
  if (kept == nullptr || x.shape().rank() < 3) return nullptr;
  if (InputObserver* observer = kept->observer()) {
    observer->on_input(weight.value, x.value.raw(), x.value.dtype(), x.value.numel());
  }
  return kept->quantized(weight.value);
}

}  // namespace

Var linear(Tape& tape, const Var& x, const Var& weight, const Var& bias) {
  check_linear(x, weight, bias);
  const std::int64_t rows = x.shape().rows();
  const std::int64_t in = weight.dim(1);
  const std::int64_t out = weight.dim(0);
  const DType dtype = x.value.dtype();
  Tensor y = Tensor::empty(x.shape().with_last(out), dtype);
  OpScope op(tape, "linear",
             {2.0 * static_cast<double>(rows) * static_cast<double>(in * out),
              static_cast<double>(x.value.bytes() + y.bytes() + weight.value.bytes())});
  if (const QuantizedWeight* quantized = quantized_weight(tape, x, weight)) {
    quantized_linear(x.value, *quantized, bias.value, y);
    return tape.constant(std::move(y));
  }
  const RowSlices slices = plan_row_slices(rows, in * out);
  const RowWeight w(weight.value, WeightUse::kForward, dtype, slices, tape.options().packed);
  const float* added = bias ? bias.value.f32() : nullptr;
  for_each_slice(slices, [&](int, std::int64_t begin, std::int64_t count) {
    w.multiply({.x = row_of(x.value, begin), .y = row_of(y, begin), .rows = count, .bias = added});
  });
  return tape.record(
      std::move(y), any_wants_grad(x, weight, bias),
      [x, w = weight.value, dw = weight.target(), db = bias.target()](Tape& t, const Tensor& dy) {
        linear_backward(x.value, w, dy, t.sink(x.target()), t.sink(dw), t.sink(db));
      });
}

}  // namespace tessera::ops
