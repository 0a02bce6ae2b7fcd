#include "optim/orthogonalize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/onednn/matmul.h"
#include "core/parallel.h"
#include "optim/clip.h"

namespace tessera {
namespace {

constexpr int kSteps = 5;
constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
constexpr double kLeastNorm = 1e-7;

TESSERA_KERNEL void scale(const float* x, float factor, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = factor * x[i];
}

/// a I + b gram + c square, of `side` rows and columns, into `square`.
TESSERA_KERNEL void add_polynomial(const float* gram, float* square, std::int64_t side) {
  for (std::int64_t i = 0; i < side * side; ++i) square[i] = kB * gram[i] + kC * square[i];
  for (std::int64_t i = 0; i < side; ++i) square[i * (side + 1)] += kA;
}

}  // namespace

Tensor orthogonalized(const Tensor& matrix, DType dtype) {
  const std::int64_t rows = matrix.dim(0), columns = matrix.dim(1);
  const bool wide = rows <= columns;  // the smaller of x x^T and x^T x is the cheaper
  const std::int64_t side = std::min(rows, columns);
  const double norm = std::sqrt(sum_of_squares(matrix.f32(), matrix.numel()));
  const Tensor start = Tensor::empty(matrix.shape());
  scale(matrix.f32(), static_cast<float>(1.0 / std::max(norm, kLeastNorm)), start.f32(),
        matrix.numel());
  Tensor x = cast(start, dtype);
  Tensor next = Tensor::empty(matrix.shape(), dtype);
  const Tensor gram = Tensor::empty({side, side});
  const Tensor square = Tensor::empty({side, side});
  for (int step = 0; step < kSteps; ++step) {
    onednn::matmul({.m = side,
                    .n = side,
                    .k = std::max(rows, columns),
                    .a = x.raw(),
                    .a_transposed = !wide,
                    .a_dtype = dtype,
                    .b = x.raw(),
                    .b_transposed = wide,
                    .b_dtype = dtype,
                    .c = gram.raw()});
    const Tensor factor = cast(gram, dtype);
    onednn::matmul({.m = side,
                    .n = side,
                    .k = side,
                    .a = factor.raw(),
                    .a_dtype = dtype,
                    .b = factor.raw(),
                    .b_dtype = dtype,
                    .c = square.raw()});
    add_polynomial(gram.f32(), square.f32(), side);
    const Tensor polynomial = cast(square, dtype);
    onednn::matmul({.m = rows,
                    .n = columns,
                    .k = side,
                    .a = wide ? polynomial.raw() : x.raw(),
                    .a_dtype = dtype,
                    .b = wide ? x.raw() : polynomial.raw(),
                    .b_dtype = dtype,
                    .c = next.raw(),
                    .c_dtype = dtype});
    std::swap(x, next);
  }
  return cast(x, DType::kF32);
}

}  // namespace tessera
