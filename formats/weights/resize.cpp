#include "formats/weights/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace tessera {
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
std::optional<Matrix> kernel_matrix(std::int64_t from, std::int64_t to) {
  const Matrix b = linear_matrix(from, to);
  const Matrix bt = transpose(b);
  if (to <= from) return solve(multiply(b, bt), b);
  const auto inverse = solve(multiply(bt, b), bt);
  return inverse ? std::optional(transpose(*inverse)) : std::nullopt;
}

/// out[y, x, c] = sum over i, j of vertical[y, i] in[i, j, c] horizontal[x, j]
void apply(const Matrix& vertical, const Matrix& horizontal, const float* in, std::int64_t channels,
           float* out) {
  const std::int64_t height = vertical.rows, width = horizontal.rows;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < vertical.columns; ++i) {
          if (vertical.at(y, i) == 0.0) continue;
          for (std::int64_t j = 0; j < horizontal.columns; ++j) {
            sum += vertical.at(y, i) * horizontal.at(x, j) *
                   double{in[(i * horizontal.columns + j) * channels + c]};
          }
        }
        out[(y * width + x) * channels + c] = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace

std::optional<Tensor> resize_kernels(const Tensor& kernels, std::array<std::int64_t, 2> size) {
  const auto vertical = kernel_matrix(kernels.dim(2), size[0]);
  const auto horizontal = kernel_matrix(kernels.dim(3), size[1]);
  if (!vertical || !horizontal) return std::nullopt;
  const std::int64_t count = kernels.dim(0) * kernels.dim(1);
  const std::int64_t before = kernels.dim(2) * kernels.dim(3), after = size[0] * size[1];
  Tensor resized = Tensor::empty({kernels.dim(0), kernels.dim(1), size[0], size[1]});
  for (std::int64_t i = 0; i < count; ++i) {
    apply(*vertical, *horizontal, kernels.f32() + i * before, 1, resized.f32() + i * after);
  }
  return resized;
}

Tensor change_channels(const Tensor& kernels, std::int64_t channels) {
  const std::int64_t old = kernels.dim(1), pixels = kernels.dim(2) * kernels.dim(3);
  const float scale = static_cast<float>(old) / static_cast<float>(channels);
  Tensor changed = Tensor::zeros({kernels.dim(0), channels, kernels.dim(2), kernels.dim(3)});
  for (std::int64_t d = 0; d < kernels.dim(0); ++d) {
    for (std::int64_t c = 0; c < (channels == 1 ? old : channels); ++c) {
      const float* from = kernels.f32() + (d * old + c % old) * pixels;
      float* to = changed.f32() + (d * channels + c % channels) * pixels;
      for (std::int64_t i = 0; i < pixels; ++i) {
        if (channels == 1) {
          to[i] += from[i];
        } else {
          to[i] = scale * from[i];
        }
      }
    }
  }
  return changed;
}

}  // namespace tessera
