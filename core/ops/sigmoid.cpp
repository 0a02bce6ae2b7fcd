#include "core/ops/sigmoid.h"

#include "core/kernels/element.h"
#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kGrain = 1 << 13;

template <typename T>
TESSERA_KERNEL void forward(const T* x, float height, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(y[i], height / (1.0f + exp_approx(-load(x[i]))));
  }
}

// dx = dy y (1 - y / height); `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void backward(const T* y, const T* dy, float height, T* dx, std::int64_t count) {
  const float inverse = 1.0f / height;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(y[i]);
    store(dx[i], load(dy[i]) * value * (1.0f - value * inverse));
  }
}

}  // namespace

Var sigmoid(Tape& tape, const Var& x, float height) {
  OpScope op(
      tape, "sigmoid",
      {10.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      forward(x.value.data<T>() + begin, height, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(y, any_wants_grad(x), [x = x.target(), y, height](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        backward(y.data<T>() + begin, dy.data<T>() + begin, height, dx.data<T>() + begin,
                 end - begin);
      });
    });
    t.pass(x, dx);
  });
}

}  // namespace tessera::ops
