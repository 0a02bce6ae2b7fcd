#include "core/ops/resize_kernel.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

/// Row-major, double precision.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<double> values;

  Matrix(std::int64_t rows_, std::int64_t columns_)
      : rows(rows_), columns(columns_), values(static_cast<std::size_t>(rows_ * columns_)) {}
  double& at(std::int64_t row, std::int64_t column) {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
  double at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
};

/// Where the centre of cell `i` of `to` cells lies among `from` cells.
double source_position(std::int64_t i, std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  return (static_cast<double>(i) + 0.5) * scale - 0.5;
}

/// A triangle as wide as the step between new cells, at least 1, as data/images/image.h has it:
/// narrower ones would leave cells out where the new ones are few.
Matrix linear_matrix(std::int64_t from, std::int64_t to) {
  Matrix matrix(to, from);
  const double width = std::max(1.0, static_cast<double>(from) / static_cast<double>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = source_position(i, from, to);
    double sum = 0.0;
    for (std::int64_t j = 0; j < from; ++j) {
      const double distance = std::abs(static_cast<double>(j) - position) / width;
      sum += matrix.at(i, j) = std::max(0.0, 1.0 - distance);
    }
    for (std::int64_t j = 0; j < from; ++j) matrix.at(i, j) /= sum;
  }
  return matrix;
}

Matrix transpose(const Matrix& a) {
  Matrix t(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) t.at(j, i) = a.at(i, j);
  }
  return t;
}

Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      for (std::int64_t j = 0; j < b.columns; ++j) c.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return c;
}

/// X with A X = B by elimination with pivots; nullopt for a singular A.
std::optional<Matrix> solve(Matrix a, Matrix b) {
  constexpr double kSmallest = 1e-9;
  for (std::int64_t column = 0; column < a.rows; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < a.rows; ++row) {
      if (std::abs(a.at(row, column)) > std::abs(a.at(pivot, column))) pivot = row;
    }
    if (std::abs(a.at(pivot, column)) < kSmallest) return std::nullopt;
    for (std::int64_t j = 0; j < a.columns; ++j) std::swap(a.at(pivot, j), a.at(column, j));
    for (std::int64_t j = 0; j < b.columns; ++j) std::swap(b.at(pivot, j), b.at(column, j));
    for (std::int64_t row = 0; row < a.rows; ++row) {
      if (row == column) continue;
      const double factor = a.at(row, column) / a.at(column, column);
      for (std::int64_t j = column; j < a.columns; ++j) a.at(row, j) -= factor * a.at(column, j);
      for (std::int64_t j = 0; j < b.columns; ++j) b.at(row, j) -= factor * b.at(column, j);
    }
  }
  for (std::int64_t row = 0; row < a.rows; ++row) {
    for (std::int64_t j = 0; j < b.columns; ++j) b.at(row, j) /= a.at(row, row);
  }
  return b;
}

/// pinv(B^T) of a resize B [to, from] of full rank: (B B^T)^-1 B for fewer cells, B (B^T B)^-1 for
/// more.
std::optional<Matrix> pseudo_inverse(std::int64_t from, std::int64_t to) {
  const Matrix b = linear_matrix(from, to);
  const Matrix bt = transpose(b);
  if (to <= from) return solve(multiply(b, bt), b);
  const auto inverse = solve(multiply(bt, b), bt);
  return inverse ? std::optional(transpose(*inverse)) : std::nullopt;
}

// to[y, x] (+)= sum over i, j of vertical[y, i] from[i, j] horizontal[x, j]; `back`: the other way,
// from[i, j] (+)= sum over y, x.
void apply(const KernelMatrix& vertical, const KernelMatrix& horizontal, const float* in, bool back,
           bool accumulate, float* out) {
  const std::int64_t rows = back ? vertical.from : vertical.to;
  const std::int64_t columns = back ? horizontal.from : horizontal.to;
  const std::int64_t height = back ? vertical.to : vertical.from;
  const std::int64_t width = back ? horizontal.to : horizontal.from;
  const auto weight = [back](const KernelMatrix& matrix, std::int64_t to, std::int64_t from) {
    return matrix
        .values[static_cast<std::size_t>(back ? from * matrix.from + to : to * matrix.from + from)];
  };
  for (std::int64_t y = 0; y < rows; ++y) {
    for (std::int64_t x = 0; x < columns; ++x) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < height; ++i) {
        const double factor = weight(vertical, y, i);
        if (factor == 0.0) continue;
        for (std::int64_t j = 0; j < width; ++j) {
          sum += factor * weight(horizontal, x, j) * double{in[i * width + j]};
        }
      }
      float& to = out[y * columns + x];
      to = (accumulate ? to : 0.0f) + static_cast<float>(sum);
    }
  }
}

}  // namespace

std::optional<KernelMatrix> kernel_matrix(std::int64_t from, std::int64_t to) {
  std::optional<Matrix> matrix = pseudo_inverse(from, to);
  if (!matrix) return std::nullopt;
  return KernelMatrix{to, from, std::move(matrix->values)};
}

Var resize_kernel(Tape& tape, const Var& kernel, const KernelMatrix& vertical,
                  const KernelMatrix& horizontal) {
  const Shape& shape = kernel.shape();
  if (shape.rank() != 4 || kernel.value.dtype() != DType::kF32 || shape[2] != vertical.from ||
      shape[3] != horizontal.from) {
    fail<ShapeError>("[resize_kernel] kernel {} {} is not f32 [D, C, {}, {}]",
                     name_of(kernel.value.dtype()), shape, vertical.from, horizontal.from);
  }
  const std::int64_t count = shape[0] * shape[1];
  const std::int64_t before = shape[2] * shape[3], after = vertical.to * horizontal.to;
  OpScope op(tape, "resize_kernel",
             {2.0 * static_cast<double>(count * before * after),
              static_cast<double>(kernel.value.bytes())});
  Tensor y = Tensor::empty({shape[0], shape[1], vertical.to, horizontal.to});
  const auto run = [count, before, after, vertical, horizontal](const float* in, bool back,
                                                                bool accumulate, float* out) {
    const std::int64_t read = back ? after : before, written = back ? before : after;
    parallel_for(count, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        apply(vertical, horizontal, in + i * read, back, accumulate, out + i * written);
      }
    });
  };
  run(kernel.value.f32(), /*back=*/false, false, y.f32());
  return tape.record(std::move(y), any_wants_grad(kernel),
                     [kernel = kernel.target(), run](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(kernel);
                       run(dy.f32(), /*back=*/true, sink.accumulate, sink.grad.f32());
                     });
}

}  // namespace tessera::ops
