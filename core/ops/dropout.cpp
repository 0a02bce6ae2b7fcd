#include "core/ops/dropout.h"

#include <array>
#include <cmath>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

// y = factor * x (+ base), where `base` may be y.
template <typename T>
TESSERA_KERNEL void scale_range(const T* x, float factor, const T* base, T* y, std::int64_t count) {
  if (base != nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) store(y[i], load(base[i]) + factor * load(x[i]));
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) store(y[i], factor * load(x[i]));
  }
}

/// y = scale[b] * x (+ base), sample by sample; an empty scale is 1.
void scale_samples(const Tensor& x, const Tensor& scale, const Tensor& base, const Tensor& y) {
  const std::int64_t size =
      scale ? x.numel() / std::max<std::int64_t>(1, scale.numel()) : x.numel();
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(x.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t sample = begin / size;
        const std::int64_t stop = std::min(end, (sample + 1) * size);
        scale_range(x.data<T>() + begin, scale ? scale.f32()[sample] : 1.0f,
                    base ? base.data<T>() + begin : nullptr, y.data<T>() + begin, stop - begin);
        begin = stop;
      }
    });
  });
}

void check_rate(const char* op, float rate) {
  if (!(rate >= 0.0f && rate < 1.0f)) fail<ConfigError>("[{}] rate {} is not in [0, 1)", op, rate);
}

constexpr std::int64_t kDraws = 128;

// y = scale * x where the element's 16 random bits reach the threshold, else 0.
template <typename T>
TESSERA_KERNEL void mask_range(const T* x, const std::uint16_t* bits, std::uint16_t threshold,
                               float scale, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(y[i], bits[i] < threshold ? 0.0f : scale * load(x[i]));
  }
}

// Each draw of 32 bits decides on two elements.
template <typename T>
void drop_elements(const T* x, T* y, std::int64_t count, std::uint16_t threshold, Rng rng) {
  const float scale = 1.0f / (1.0f - static_cast<float>(threshold) * 0x1p-16f);
  std::array<std::uint16_t, 2 * kDraws> bits;
  for (std::int64_t begin = 0; begin < count; begin += 2 * kDraws) {
    for (std::size_t i = 0; i < bits.size(); i += 2) {
      const std::uint32_t word = rng.next();
      bits[i] = static_cast<std::uint16_t>(word);
      bits[i + 1] = static_cast<std::uint16_t>(word >> 16);
    }
    mask_range(x + begin, bits.data(), threshold, scale, y + begin,
               std::min<std::int64_t>(2 * kDraws, count - begin));
  }
}

/// y = x with the same elements dropped whenever tape, draw and shape are the same.
void drop(const Tape& tape, const Tensor& x, std::uint16_t threshold, std::uint32_t draw,
          const Tensor& y) {
  const std::int64_t batch = x.rank() == 0 ? 1 : x.dim(0);
  const std::int64_t size = x.numel() / std::max<std::int64_t>(1, batch);
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(batch, row_grain(8 * size), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t sample = begin; sample < end; ++sample) {
        drop_elements(x.data<T>() + sample * size, y.data<T>() + sample * size, size, threshold,
                      tape.rng(Stream::kDropout, draw, sample));
      }
    });
  });
}

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

Var dropout(Tape& tape, const Var& x, float rate, std::uint32_t draw) {
  check_rate("dropout", rate);
  const auto threshold = static_cast<std::uint16_t>(std::min(65535L, std::lround(rate * 65536.0f)));
  if (!tape.training() || threshold == 0) return x;
  OpScope op(tape, "dropout",
             {static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  drop(tape, x.value, threshold, draw, y);
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), threshold, draw](Tape& t, const Tensor& dy) {
                       const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
                       drop(t, dy, threshold, draw, dx);
                       t.pass(x, dx);
                     });
}

Tensor drop_path_scale(const Tape& tape, std::int64_t batch, float rate, std::uint32_t draw) {
  check_rate("drop_path", rate);
  if (!tape.training() || rate == 0.0f) return {};
  Tensor scale = Tensor::empty({batch});
  for (std::int64_t sample = 0; sample < batch; ++sample) {
    const bool kept = tape.rng(Stream::kDropPath, draw, sample).uniform() >= rate;
    scale.f32()[sample] = kept ? 1.0f / (1.0f - rate) : 0.0f;
  }
  return scale;
}

Var add_scaled(Tape& tape, const Var& x, const Var& branch, const Tensor& scale) {
  check_residual("add_scaled", x, branch, scale);
  OpScope op(
      tape, "add_scaled",
      {2.0 * static_cast<double>(x.value.numel()), 3.0 * static_cast<double>(x.value.bytes())});
  Tensor sum = Tensor::empty(x.shape(), x.value.dtype());
  scale_samples(branch.value, scale, x.value, sum);
  return tape.record(std::move(sum), any_wants_grad(x, branch),
                     [dx = x.target(), dbranch = branch.target(), scale](
                         Tape& t, const Tensor& ds) { pass_residual(t, ds, scale, dx, dbranch); });
}

void check_residual(const char* op, const Var& x, const Var& branch, const Tensor& scale) {
  if (x.shape().rank() < 1 || x.shape() != branch.shape() ||
      x.value.dtype() != branch.value.dtype()) {
    fail<ShapeError>("[{}] x {} {} and branch {} {} must be alike, [B, ...]", op,
                     name_of(x.value.dtype()), x.shape(), name_of(branch.value.dtype()),
                     branch.shape());
  }
  if (scale && scale.shape() != Shape{x.dim(0)}) {
    fail<ShapeError>("[{}] scale {} must be [{}], one factor a sample of x {}", op, scale.shape(),
                     x.dim(0), x.shape());
  }
}

void pass_residual(Tape& tape, const Tensor& ds, const Tensor& scale, const GradTarget& x,
                   const GradTarget& branch) {
  if (!scale) {
    tape.pass(branch, ds);
  } else if (const GradSink sink = tape.sink(branch)) {
    scale_samples(ds, scale, sink.accumulate ? sink.grad : Tensor(), sink.grad);
  }
  tape.pass(x, ds);
}

Var channel_dropout(Tape& tape, const Var& x, float rate, std::uint32_t draw) {
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
    Rng rng = tape.rng(Stream::kDropout, draw, sample);
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
