#include "core/ops/linear.h"

#include <algorithm>

#include "core/error.h"
#include "core/onednn/primitives.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

// db[j] (+)= sum over rows of dy[row, j].
TESSERA_KERNEL void add_rows(const float* dy, std::int64_t rows, std::int64_t columns, float* sum) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* values = dy + row * columns;
    for (std::int64_t j = 0; j < columns; ++j) sum[j] += values[j];
  }
}

void bias_gradient(const Tensor& dy, const GradSink& sink) {
  const Tensor values = dy.dtype() == DType::kF32 ? dy : cast(dy, DType::kF32);
  const std::int64_t columns = dy.dim(-1);
  const std::int64_t rows = dy.shape().rows();
  constexpr std::int64_t kGrain = 256;
  const int parts = num_parts(rows, kGrain);
  Tensor partial = Tensor::zeros({parts, columns});
  parallel_parts(rows, kGrain, [&](int part, std::int64_t begin, std::int64_t end) {
    add_rows(values.f32() + begin * columns, end - begin, columns, partial.f32() + part * columns);
  });
  float* db = sink.grad.f32();
  if (!sink.accumulate) std::fill_n(db, columns, 0.0f);
  add_rows(partial.f32(), parts, columns, db);
}

void check_linear(const Var& x, const Var& weight, const Var& bias) {
  if (weight.shape().rank() != 2 || x.shape().rank() < 1 || x.dim(-1) != weight.dim(1)) {
    fail<ShapeError>("[linear] x {} does not fit weight {}: the last dimension of x must be {}",
                     x.shape(), weight.shape(), weight.shape().rank() == 2 ? weight.dim(1) : -1);
  }
  if (bias && bias.shape() != Shape{weight.dim(0)}) {
    fail<ShapeError>("[linear] bias {} does not fit weight {}", bias.shape(), weight.shape());
  }
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
  // bf16 activations meet bf16 weights: the f32 master copy is rounded on the way.
  const Tensor w = weight.value.dtype() == dtype ? weight.value : cast(weight.value, dtype);
  onednn::matmul({.m = rows,
                  .n = out,
                  .k = in,
                  .a = x.value.raw(),
                  .a_dtype = dtype,
                  .b = w.raw(),
                  .b_transposed = true,
                  .b_dtype = dtype,
                  .c = y.raw(),
                  .c_dtype = dtype,
                  .bias = bias ? bias.value.f32() : nullptr});
  return tape.record(std::move(y), any_wants_grad(x, weight, bias),
                     [x, w, dw = weight.target(), db = bias.target(), rows, in, out, dtype](
                         Tape& t, const Tensor& dy) {
                       if (const GradSink dx = t.sink(x.target())) {
                         onednn::matmul({.m = rows,
                                         .n = in,
                                         .k = out,
                                         .a = dy.raw(),
                                         .a_dtype = dtype,
                                         .b = w.raw(),
                                         .b_dtype = dtype,
                                         .c = dx.grad.raw(),
                                         .c_dtype = dtype,
                                         .accumulate = dx.accumulate});
                       }
                       if (const GradSink sink = t.sink(dw)) {
                         onednn::matmul({.m = out,
                                         .n = in,
                                         .k = rows,
                                         .a = dy.raw(),
                                         .a_transposed = true,
                                         .a_dtype = dtype,
                                         .b = x.value.raw(),
                                         .b_dtype = dtype,
                                         .c = sink.grad.raw(),
                                         .c_dtype = sink.grad.dtype(),
                                         .accumulate = sink.accumulate});
                       }
                       if (const GradSink sink = t.sink(db)) bias_gradient(dy, sink);
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
