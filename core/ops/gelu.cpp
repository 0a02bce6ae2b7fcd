#include "core/ops/gelu.h"

#include "core/ops/element.h"
#include "core/ops/gelu_kernels.h"
#include "core/simd_math.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kGrain = 1 << 13;
constexpr float kSqrtHalf = 0.707106781f;
constexpr float kInvSqrt2Pi = 0.398942280f;

template <typename T>
TESSERA_KERNEL void forward(const T* x, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    store(y[i], 0.5f * value * (1.0f + erf_approx(value * kSqrtHalf)));
  }
}

// dx = dy (Phi(x) + x phi(x)); `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void backward(const T* x, const T* dy, T* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    const float cdf = 0.5f * (1.0f + erf_approx(value * kSqrtHalf));
    const float pdf = kInvSqrt2Pi * exp_approx(-0.5f * value * value);
    store(dx[i], load(dy[i]) * (cdf + value * pdf));
  }
}

// y = gelu(x) and dx = dy gelu'(x) of one reading of x; `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void forward_backward(const T* x, const T* dy, T* y, T* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    const float cdf = 0.5f * (1.0f + erf_approx(value * kSqrtHalf));
    const float pdf = kInvSqrt2Pi * exp_approx(-0.5f * value * value);
    store(y[i], value * cdf);
    store(dx[i], load(dy[i]) * (cdf + value * pdf));
  }
}

}  // namespace

void gelu_forward(const float* x, float* y, std::int64_t count) { forward(x, y, count); }
void gelu_forward(const BF16* x, BF16* y, std::int64_t count) { forward(x, y, count); }

void gelu_forward_backward(const float* x, const float* dy, float* y, float* dx,
                           std::int64_t count) {
  forward_backward(x, dy, y, dx, count);
}
void gelu_forward_backward(const BF16* x, const BF16* dy, BF16* y, BF16* dx, std::int64_t count) {
  forward_backward(x, dy, y, dx, count);
}

Var gelu(Tape& tape, const Var& x) {
  OpScope op(
      tape, "gelu",
      {25.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      forward(x.value.data<T>() + begin, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(std::move(y), any_wants_grad(x), [x](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        backward(x.value.data<T>() + begin, dy.data<T>() + begin, dx.data<T>() + begin,
                 end - begin);
      });
    });
    t.pass(x.target(), dx);
  });
}

}  // namespace tessera::ops
