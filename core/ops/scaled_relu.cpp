#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/ops/elementwise.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kReluGrain = 1 << 14;

template <typename T>
TESSERA_KERNEL void scaled_relu_forward(const T* x, float scale, float unit, float* y,
                                        std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = scale * load(x[i]);
    y[i] = unit * (value > 0.0f || value != value ? value : 0.0f);
  }
}

// dx = dy unit scale where y > 0; returns the sum of dy unit x there, which is that of the scale.
template <typename T>
TESSERA_KERNEL double scaled_relu_backward(const T* x, const float* dy, float scale, float unit,
                                           T* dx, std::int64_t count) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    const float slope = scale * value > 0.0f ? dy[i] * unit : 0.0f;
    store(dx[i], slope * scale);
    sum += static_cast<double>(slope * value);
  }
  return sum;
}

}  // namespace

Var scaled_relu(Tape& tape, const Var& x, const Var& scale, float unit) {
  if (scale && (scale.value.dtype() != DType::kF32 || scale.value.numel() != 1)) {
    fail<ShapeError>("[scaled_relu] scale {} {} is not one f32", name_of(scale.value.dtype()),
                     scale.shape());
  }
  OpScope op(
      tape, "scaled_relu",
      {3.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  const float factor = scale ? scale.value.f32()[0] : 1.0f;
  const Tensor y = Tensor::empty(x.shape());
  with_element_type(x.value.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kReluGrain, [&](std::int64_t begin, std::int64_t end) {
      scaled_relu_forward(x.value.data<T>() + begin, factor, unit, y.f32() + begin, end - begin);
    });
  });
  return tape.record(y, any_wants_grad(x, scale),
                     [x, of_scale = scale.target(), factor, unit](Tape& t, const Tensor& dy) {
                       const Tensor dx = Tensor::empty(x.shape(), x.value.dtype());
                       // Sums of parts of one size, so that the number of threads does not show.
                       const std::int64_t count = dy.numel(),
                                          parts = (count + kReluGrain - 1) / kReluGrain;
                       std::vector<double> sums(static_cast<std::size_t>(parts));
                       with_element_type(dx.dtype(), [&](auto element) {
                         using T = decltype(element);
                         parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
                           for (std::int64_t part = first; part < last; ++part) {
                             const std::int64_t begin = part * kReluGrain;
                             sums[static_cast<std::size_t>(part)] = scaled_relu_backward(
                                 x.value.data<T>() + begin, dy.f32() + begin, factor, unit,
                                 dx.data<T>() + begin, std::min(count, begin + kReluGrain) - begin);
                           }
                         });
                       });
                       t.pass(x.target(), dx);
                       if (!of_scale) return;
                       double sum = 0.0;
                       for (const double part : sums) sum += part;
                       t.pass(of_scale, Tensor::full({1}, static_cast<float>(sum)));
                     });
}

}  // namespace tessera::ops
