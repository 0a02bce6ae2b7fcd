#include "optim/muon.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
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

namespace {

bool is_updated_here(const Parameter& parameter) {
  return parameter.is_matrix && !parameter.in_head;
}

struct Mixture {
  float grad_scale;
  float momentum;
  float direct;  // share of the gradient in the direction
  float along;   // share of the mean
};

TESSERA_KERNEL void mix(Mixture k, const float* grad, float* mean, float* direction,
                        std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = k.grad_scale * grad[i];
    const float m = k.momentum * mean[i] + (1.0f - k.momentum) * g;
    mean[i] = m;
    direction[i] = k.direct * g + k.along * m;
  }
}

TESSERA_KERNEL void apply(float keep, float rate, const float* direction, float* value,
                          std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) value[i] = keep * value[i] - rate * direction[i];
}

}  // namespace

Muon::Muon(const OptimConfig& config, const ParameterStore& store, DType products)
    : momentum_(config.momentum),
      nesterov_(config.nesterov),
      weight_decay_(config.weight_decay),
      products_(products),
      values_(store.values()),
      grads_(store.grads()),
      rest_(config, store, update_runs(store, config.layer_decay, is_updated_here)),
      mean_(rest_.mean()) {
  const std::vector<double> scales = lr_scales(store, config.layer_decay);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const ParameterStore::Entry& entry = store.entries()[i];
    if (!is_updated_here(*entry.parameter) || scales[i] == 0.0) continue;
    const Shape& shape = entry.parameter->shape;
    matrices_.push_back({entry.offset, shape[0], shape.numel() / shape[0], scales[i]});
  }
  std::ranges::stable_sort(matrices_, std::greater{}, [](const Matrix& matrix) {
    return matrix.rows * matrix.columns * std::min(matrix.rows, matrix.columns);
  });
}

void Muon::step(double lr, float grad_scale) {
  rest_.step(lr, grad_scale);
  // Whichever thread is free takes the next matrix, alone: the result does not depend on which.
  std::atomic<std::size_t> next = 0;
  parallel_for(num_threads(), 1, [&](std::int64_t, std::int64_t) {
    for (std::size_t i = next++; i < matrices_.size(); i = next++) {
      update(matrices_[i], lr, grad_scale);
    }
  });
}

void Muon::update(const Matrix& matrix, double lr, float grad_scale) const {
  const float momentum = static_cast<float>(momentum_);
  const Mixture mixture{.grad_scale = grad_scale,
                        .momentum = momentum,
                        .direct = nesterov_ ? 1.0f - momentum : 0.0f,
                        .along = nesterov_ ? momentum : 1.0f};
  const Tensor direction = Tensor::empty({matrix.rows, matrix.columns});
  const std::int64_t count = direction.numel();
  mix(mixture, grads_.f32() + matrix.offset, mean_.f32() + matrix.offset, direction.f32(), count);
  const double rate = lr * matrix.lr_scale;
  const double size = 0.2 * std::sqrt(static_cast<double>(std::max(matrix.rows, matrix.columns)));
  apply(static_cast<float>(1.0 - rate * weight_decay_), static_cast<float>(rate * size),
        orthogonalized(direction, products_).f32(), values_.f32() + matrix.offset, count);
}

}  // namespace tessera
