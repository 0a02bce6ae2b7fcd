#include <optional>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/row_kernels.h"
#include "core/ops/linear.h"
#include "core/ops/row_products.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kGeluGrain = 1 << 13;  // elements of GELU worth a thread

struct Sizes {
  std::int64_t in, hidden, out;
};

Sizes check_mlp(const Var& x, const MlpWeights& w) {
  const Shape& w1 = w.fc1_weight.shape();
  const Shape& w2 = w.fc2_weight.shape();
  if (w1.rank() != 2 || w2.rank() != 2 || x.shape().rank() < 1 || x.dim(-1) != w1[1] ||
      w1[0] != w2[1] || w.fc1_bias.shape() != Shape{w1[0]} || w.fc2_bias.shape() != Shape{w2[0]}) {
    fail<ShapeError>("[mlp] x {}, fc1 {} + {}, fc2 {} + {} do not fit each other", x.shape(), w1,
                     w.fc1_bias.shape(), w2, w.fc2_bias.shape());
  }
  return {w1[1], w1[0], w2[0]};
}

/// A buffer of one slice for each part.
Tensor slice_buffer(const RowSlices& slices, std::int64_t columns, DType dtype) {
  return Tensor::empty({slices.parts, slices.slice, columns}, dtype);
}

void gelu(const void* x, void* y, std::int64_t count, DType dtype) {
  with_element_type(dtype, [&](auto element) {
    using T = decltype(element);
    parallel_for(count, kGeluGrain, [&](std::int64_t begin, std::int64_t end) {
      row_kernels<T>().gelu(static_cast<const T*>(x) + begin, static_cast<T*>(y) + begin,
                            end - begin);
    });
  });
}

// `dy` becomes the gradient of x, `y` gelu(x).
void gelu_with_gradient(const void* x, void* dy, void* y, std::int64_t count, DType dtype) {
  with_element_type(dtype, [&](auto element) {
    using T = decltype(element);
    parallel_for(count, kGeluGrain, [&](std::int64_t begin, std::int64_t end) {
      T* gradient = static_cast<T*>(dy) + begin;
      row_kernels<T>().gelu_with_gradient(static_cast<const T*>(x) + begin, gradient,
                                          static_cast<T*>(y) + begin, gradient, end - begin);
    });
  });
}

struct SavedMlp {
  Tensor x;       // [rows, in]
  Tensor hidden;  // [rows, hidden], before GELU
  Tensor w1, w2;
};

struct Sinks {
  GradSink x, w1, b1, w2, b2;
};

void mlp_backward(const SavedMlp& saved, const Tensor& dy, const Sinks& sinks) {
  const std::int64_t in = saved.w1.dim(1), hidden = saved.w1.dim(0), out = saved.w2.dim(0);
  const DType dtype = saved.x.dtype();
  const RowSlices slices = plan_row_slices(saved.x.shape().rows(), in * hidden);
  PartialSums dw1(sinks.w1, slices.parts), db1(sinks.b1, slices.parts);
  PartialSums dw2(sinks.w2, slices.parts), db2(sinks.b2, slices.parts);
  const Tensor activations = slice_buffer(slices, hidden, dtype);
  const Tensor gradients = slice_buffer(slices, hidden, dtype);
  const RowWeight w2(saved.w2, WeightUse::kBackward, dtype, slices);
  std::optional<RowWeight> w1;
  if (sinks.x) w1.emplace(saved.w1, WeightUse::kBackward, dtype, slices);
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    void* g = row_of(activations, part * slices.slice);
    void* dh = row_of(gradients, part * slices.slice);
    w2.multiply({.x = row_of(dy, begin), .y = dh, .rows = count});
    gelu_with_gradient(row_of(saved.hidden, begin), dh, g, count * hidden, dtype);
    add_weight_gradient(row_of(dy, begin), out, g, hidden, dtype, count, dw2, part);
    add_weight_gradient(dh, hidden, row_of(saved.x, begin), in, dtype, count, dw1, part);
    if (db2) column_sums(dy, begin, count, db2.target(part), db2.accumulate(part));
    if (db1) {
      column_sums(gradients, part * slices.slice, count, db1.target(part), db1.accumulate(part));
    }
    if (w1) {
      w1->multiply({.x = dh,
                    .y = row_of(sinks.x.grad, begin),
                    .rows = count,
                    .accumulate = sinks.x.accumulate});
    }
  });
  for (const PartialSums* sums : {&dw1, &db1, &dw2, &db2}) sums->reduce();
}

/// Both products in integers of 8 bits; GELU gives the second its integers.
void quantized_mlp(const Tensor& x, const MlpWeights& weights, const QuantizedWeight& w1,
                   const QuantizedWeight& w2, const Tensor& y) {
  const std::int64_t in = x.dim(-1), hidden = weights.fc1_bias.dim(0);
  const DType dtype = x.dtype();
  const RowSlices slices = plan_quantized_slices(x.shape().rows(), in * hidden);
  const QuantizedSlices inputs(slices, in), activations(slices, hidden);
  const Tensor products = slice_buffer(slices, hidden, dtype);
  const Tensor offsets1 = w1.offsets(weights.fc1_bias.value.f32());
  const Tensor offsets2 = w2.offsets(weights.fc2_bias.value.f32());
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    std::uint8_t* const q = inputs.of(part);
    std::uint8_t* const g = activations.of(part);
    void* const h = row_of(products, part * slices.slice);
    quantize(row_of(x, begin), dtype, w1.input(), q, count * in);
    w1.multiply(q, count, offsets1, h, dtype);
    quantize(h, dtype, w2.input(), g, count * hidden, /*gelu=*/true);
    w2.multiply(g, count, offsets2, row_of(y, begin), dtype);
  });
}

}  // namespace

Var mlp(Tape& tape, const Var& x, const MlpWeights& weights) {
  const auto [in, hidden, out] = check_mlp(x, weights);
  const DType dtype = x.value.dtype();
  const std::int64_t rows = x.shape().rows();
  SavedMlp saved{x.value, {}, weights.fc1_weight.value, weights.fc2_weight.value};
  Tensor y = Tensor::empty(x.shape().with_last(out), dtype);
  OpScope op(tape, "mlp",
             {2.0 * static_cast<double>(rows) * static_cast<double>(hidden * (in + out)),
              static_cast<double>(x.value.bytes() + y.bytes()) +
                  static_cast<double>(rows * hidden) * static_cast<double>(size_of(dtype))});
  const bool wants_grad =
      any_wants_grad(x, weights.fc1_weight, weights.fc1_bias, weights.fc2_weight, weights.fc2_bias);
  const bool saves = tape.training() && wants_grad;
  PackedWeights* const kept = tape.options().packed;
  if (kept != nullptr && kept->quantized(saved.w1) && kept->quantized(saved.w2)) {
    quantized_mlp(x.value, weights, *kept->quantized(saved.w1), *kept->quantized(saved.w2), y);
    return tape.constant(std::move(y));
  }
  InputObserver* const observer = kept != nullptr ? kept->observer() : nullptr;
  if (observer != nullptr) observer->on_input(saved.w1, x.value.raw(), dtype, x.value.numel());
  const RowSlices slices = plan_row_slices(rows, in * hidden);
  if (saves) saved.hidden = Tensor::empty({rows, hidden}, dtype);
  const RowWeight w1(saved.w1, WeightUse::kForward, dtype, slices, kept);
  const RowWeight w2(saved.w2, WeightUse::kForward, dtype, slices, kept);
  const Tensor activations = slice_buffer(slices, hidden, dtype);
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    void* g = row_of(activations, part * slices.slice);
    void* h = saves ? row_of(saved.hidden, begin) : g;
    w1.multiply(
        {.x = row_of(x.value, begin), .y = h, .rows = count, .bias = weights.fc1_bias.value.f32()});
    gelu(h, g, count * hidden, dtype);
    if (observer != nullptr) observer->on_input(saved.w2, g, dtype, count * hidden);
    w2.multiply(
        {.x = g, .y = row_of(y, begin), .rows = count, .bias = weights.fc2_bias.value.f32()});
  });
  return tape.record(
      std::move(y), wants_grad,
      [saved, dx = x.target(), dw1 = weights.fc1_weight.target(), db1 = weights.fc1_bias.target(),
       dw2 = weights.fc2_weight.target(),
       db2 = weights.fc2_bias.target()](Tape& t, const Tensor& dy) {
        mlp_backward(saved, dy, {t.sink(dx), t.sink(dw1), t.sink(db1), t.sink(dw2), t.sink(db2)});
      });
}

}  // namespace tessera::ops
