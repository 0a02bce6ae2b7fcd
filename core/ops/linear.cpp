#include "core/ops/linear.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/onednn/matmul.h"
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

Var matmul(Tape& tape, const Var& a, const Var& b) {
  const int rank = a.shape().rank();
  bool fits = rank >= 2 && b.shape().rank() == rank && a.dim(-1) == b.dim(-2);
  for (int axis = 0; fits && axis < rank - 2; ++axis) fits = a.dim(axis) == b.dim(axis);
  if (!fits || a.value.dtype() != b.value.dtype()) {
    fail<ShapeError>(
        "[matmul] {} {} and {} {}: inner dimensions, leading dimensions and dtypes must agree",
        name_of(a.value.dtype()), a.shape(), name_of(b.value.dtype()), b.shape());
  }
  const std::int64_t m = a.dim(-2), k = a.dim(-1), n = b.dim(-1);
  const std::int64_t batch = a.shape().numel() / std::max<std::int64_t>(1, m * k);
  const DType dtype = a.value.dtype();
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::copy(a.shape().dims().begin(), a.shape().dims().end(), dims.begin());
  dims[static_cast<std::size_t>(rank - 1)] = n;
  Tensor c = Tensor::empty(Shape(std::span(dims.data(), static_cast<std::size_t>(rank))), dtype);
  OpScope op(tape, "matmul",
             {2.0 * static_cast<double>(batch * m) * static_cast<double>(n * k),
              static_cast<double>(a.value.bytes() + b.value.bytes() + c.bytes())});
  onednn::matmul({.batch = batch,
                  .m = m,
                  .n = n,
                  .k = k,
                  .a = a.value.raw(),
                  .a_dtype = dtype,
                  .b = b.value.raw(),
                  .b_dtype = dtype,
                  .c = c.raw(),
                  .c_dtype = dtype});
  return tape.record(std::move(c), any_wants_grad(a, b),
                     [a, b, batch, m, n, k, dtype](Tape& t, const Tensor& dc) {
                       if (const GradSink da = t.sink(a.target())) {
                         onednn::matmul({.batch = batch,
                                         .m = m,
                                         .n = k,
                                         .k = n,
                                         .a = dc.raw(),
                                         .a_dtype = dtype,
                                         .b = b.value.raw(),
                                         .b_transposed = true,
                                         .b_dtype = dtype,
                                         .c = da.grad.raw(),
                                         .c_dtype = dtype,
                                         .accumulate = da.accumulate});
                       }
                       if (const GradSink db = t.sink(b.target())) {
                         onednn::matmul({.batch = batch,
                                         .m = k,
                                         .n = n,
                                         .k = m,
                                         .a = a.value.raw(),
                                         .a_transposed = true,
                                         .a_dtype = dtype,
                                         .b = dc.raw(),
                                         .b_dtype = dtype,
                                         .c = db.grad.raw(),
                                         .c_dtype = dtype,
                                         .accumulate = db.accumulate});
                       }
                     });
}

}  // namespace tessera::ops
