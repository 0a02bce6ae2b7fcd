#include "core/ops/pool.h"

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kTile = 64;  // channels summed at once, in registers

template <typename T>
TESSERA_KERNEL void mean_of_sample(const T* x, std::int64_t positions, std::int64_t channels,
                                   T* y) {
  const float inverse = 1.0f / static_cast<float>(positions);
  for (std::int64_t first = 0; first < channels; first += kTile) {
    const std::int64_t count = std::min(kTile, channels - first);
    float sum[kTile] = {};
    for (std::int64_t position = 0; position < positions; ++position) {
      const T* row = x + position * channels + first;
#pragma omp simd
      for (std::int64_t c = 0; c < count; ++c) sum[c] += load(row[c]);
    }
    for (std::int64_t c = 0; c < count; ++c) store(y[first + c], sum[c] * inverse);
  }
}

template <typename T>
TESSERA_KERNEL void spread_over_sample(const T* dy, std::int64_t positions, std::int64_t channels,
                                       bool accumulate, T* dx) {
  const float inverse = 1.0f / static_cast<float>(positions);
  for (std::int64_t position = 0; position < positions; ++position, dx += channels) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      store(dx[c], (accumulate ? load(dx[c]) : 0.0f) + inverse * load(dy[c]));
    }
  }
}

}  // namespace

Var mean_pool(Tape& tape, const Var& x) {
  if (x.shape().rank() != 4 || x.dim(1) * x.dim(2) < 1) {
    fail<ShapeError>("[mean_pool] x {} is not [B, H, W, C] with positions to average", x.shape());
  }
  const std::int64_t batch = x.dim(0), positions = x.dim(1) * x.dim(2), channels = x.dim(3);
  const std::int64_t grain = row_grain(positions * channels);
  OpScope op(tape, "mean_pool",
             {static_cast<double>(x.value.numel()), static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty({batch, channels}, x.value.dtype());  // [B, C]
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        mean_of_sample(x.value.data<T>() + b * positions * channels, positions, channels,
                       y.data<T>() + b * channels);
      }
    });
  });
  return tape.record(
      std::move(y), any_wants_grad(x),
      [x = x.target(), batch, positions, channels, grain](Tape& t, const Tensor& dy) {
        const GradSink sink = t.sink(x);
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_for(batch, grain, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t b = begin; b < end; ++b) {
              spread_over_sample(dy.data<T>() + b * channels, positions, channels, sink.accumulate,
                                 sink.grad.template data<T>() + b * positions * channels);
            }
          });
        });
      });
}

}  // namespace tessera::ops
