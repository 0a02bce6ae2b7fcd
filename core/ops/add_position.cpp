#include "core/ops/add_position.h"

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

template <typename T>
TESSERA_KERNEL void add(const T* x, const float* table, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) store(y[i], load(x[i]) + table[i]);
}

// sum[i] (+)= dy[b, i] over the samples b.
template <typename T>
TESSERA_KERNEL void sum_samples(const T* dy, std::int64_t batch, std::int64_t step,
                                std::int64_t count, bool accumulate, float* sum) {
  if (!accumulate) std::fill_n(sum, count, 0.0f);
  for (std::int64_t b = 0; b < batch; ++b, dy += step) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) sum[i] += load(dy[i]);
  }
}

constexpr std::int64_t kGrain = 1 << 12;

}  // namespace

Var add_position(Tape& tape, const Var& tokens, const Var& table) {
  const auto fits_map = [&](const Shape& x) {
    return table.shape() == Shape{1, x[1] * x[2], x[3]} ||
           table.shape() == Shape{1, x[1], x[2], x[3]};
  };
  const bool fits =
      tokens.shape().rank() == 4 && fits_map(tokens.shape()) && table.value.dtype() == DType::kF32;
  if (!fits) {
    fail<ShapeError>(
        "[add_position] tokens {} and table {} {}: must be [B, H, W, C] and f32 "
        "[1, H W, C]",
        tokens.shape(), name_of(table.value.dtype()), table.shape());
  }
  const std::int64_t batch = tokens.dim(0), count = table.value.numel();
  OpScope op(
      tape, "add_position",
      {static_cast<double>(tokens.value.numel()), 2.0 * static_cast<double>(tokens.value.bytes())});
  Tensor y = Tensor::empty(tokens.shape(), tokens.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(batch, std::max<std::int64_t>(1, kGrain / count),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t b = begin; b < end; ++b) {
                     add(tokens.value.data<T>() + b * count, table.value.f32(),
                         y.data<T>() + b * count, count);
                   }
                 });
  });
  return tape.record(
      std::move(y), any_wants_grad(tokens, table),
      [tokens = tokens.target(), table = table.target(), batch, count](Tape& t, const Tensor& dy) {
        if (const GradSink sink = t.sink(table)) {
          with_element_type(dy.dtype(), [&](auto element) {
            using T = decltype(element);
            parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
              sum_samples(dy.data<T>() + begin, batch, count, end - begin, sink.accumulate,
                          sink.grad.f32() + begin);
            });
          });
        }
        t.pass(tokens, dy);
      });
}

}  // namespace tessera::ops
