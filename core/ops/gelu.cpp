#include "core/ops/gelu.h"

#include "core/kernels/element.h"
#include "core/kernels/row_kernels.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kGrain = 1 << 13;

}  // namespace

Var gelu(Tape& tape, const Var& x) {
  OpScope op(
      tape, "gelu",
      {25.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      row_kernels<T>().gelu(x.value.data<T>() + begin, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(std::move(y), any_wants_grad(x), [x](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        row_kernels<T>().gelu_gradient(x.value.data<T>() + begin, dy.data<T>() + begin,
                                       dx.data<T>() + begin, end - begin);
      });
    });
    t.pass(x.target(), dx);
  });
}

}  // namespace tessera::ops
