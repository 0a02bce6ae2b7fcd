#include "core/ops/channel_dropout.h"

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

// `y` may be `x`.
template <typename T>
TESSERA_KERNEL void scale_row(const T* x, const float* scale, std::int64_t channels, T* y) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) store(y[c], scale[c] * load(x[c]));
}

/// y[b, ..., c] = scale[b, c] x[b, ..., c]
void scale_maps(const Tensor& x, const Tensor& scale, const Tensor& y) {
  const std::int64_t channels = x.dim(-1), batch = x.dim(0);
  const std::int64_t rows = x.shape().rows();
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(rows, row_grain(channels), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t sample = row / (rows / batch);
        scale_row(x.data<T>() + row * channels, scale.f32() + sample * channels, channels,
                  y.data<T>() + row * channels);
      }
    });
  });
}

}  // namespace

Var channel_dropout(Tape& tape, const Var& x, float rate, std::uint32_t lane) {
  if (!(rate >= 0.0f && rate < 1.0f)) {
    fail<ConfigError>("[channel_dropout] rate {} is not in [0, 1)", rate);
  }
  if (x.shape().rank() < 2) {
    fail<ShapeError>("[channel_dropout] x {} is not [B, ..., C]", x.shape());
  }
  if (!tape.training() || rate == 0.0f) return x;
  OpScope op(tape, "channel_dropout",
             {static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  const Tensor scale = Tensor::empty({x.dim(0), x.dim(-1)});
  for (std::int64_t sample = 0; sample < scale.dim(0); ++sample) {
    Rng rng = tape.rng(Stream::kDropout, lane, sample);
    for (std::int64_t c = 0; c < scale.dim(1); ++c) {
      scale.f32()[sample * scale.dim(1) + c] = rng.uniform() < rate ? 0.0f : 1.0f / (1.0f - rate);
    }
  }
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  scale_maps(x.value, scale, y);
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), scale](Tape& t, const Tensor& dy) {
                       const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
                       scale_maps(dy, scale, dx);
                       t.pass(x, dx);
                     });
}

}  // namespace tessera::ops
