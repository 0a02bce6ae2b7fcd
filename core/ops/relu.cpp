#include "core/ops/relu.h"

#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

template <typename T>
TESSERA_KERNEL void forward(const T* x, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    store(y[i], value > 0.0f || value != value ? value : 0.0f);  // NaN stays NaN
  }
}

// `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void backward(const T* y, const T* dy, T* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(dx[i], load(y[i]) > 0.0f ? load(dy[i]) : 0.0f);
  }
}

}  // namespace

Var relu(Tape& tape, const Var& x) {
  OpScope op(tape, "relu",
             {static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      forward(x.value.data<T>() + begin, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(y, any_wants_grad(x), [x = x.target(), y](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        backward(y.data<T>() + begin, dy.data<T>() + begin, dx.data<T>() + begin, end - begin);
      });
    });
    t.pass(x, dx);
  });
}

}  // namespace tessera::ops
