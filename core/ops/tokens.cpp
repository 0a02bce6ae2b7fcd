#include "core/ops/tokens.h"

#include <cstring>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

template <typename T>
TESSERA_KERNEL void add_table(const T* x, const float* table, T* y, std::int64_t count) {
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

constexpr std::int64_t kTokensGrain = 1 << 12;

std::byte* sample_of(const Tensor& x, std::int64_t sample) {
  return static_cast<std::byte*>(x.raw()) +
         static_cast<std::size_t>(sample) * (x.bytes() / static_cast<std::size_t>(x.dim(0)));
}

// dtoken[c] (+)= dy[b, 0, c] over the samples b.
void token_gradient(const Tensor& dy, const GradSink& sink) {
  const std::int64_t channels = dy.dim(-1), step = dy.numel() / dy.dim(0);
  float* const sum = sink.grad.f32();
  if (!sink.accumulate) std::fill_n(sum, channels, 0.0f);
  with_element_type(dy.dtype(), [&](auto element) {
    const auto* row = dy.data<decltype(element)>();
    for (std::int64_t b = 0; b < dy.dim(0); ++b, row += step) {
      for (std::int64_t c = 0; c < channels; ++c) sum[c] += load(row[c]);
    }
  });
}

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
    parallel_for(batch, std::max<std::int64_t>(1, kTokensGrain / count),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t b = begin; b < end; ++b) {
                     add_table(tokens.value.data<T>() + b * count, table.value.f32(),
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
            parallel_for(count, kTokensGrain, [&](std::int64_t begin, std::int64_t end) {
              sum_samples(dy.data<T>() + begin, batch, count, end - begin, sink.accumulate,
                          sink.grad.f32() + begin);
            });
          });
        }
        t.pass(tokens, dy);
      });
}

Var prepend_token(Tape& tape, const Var& tokens, const Var& token) {
  if (tokens.shape().rank() != 4 || tokens.value.numel() < 1 ||
      token.shape() != Shape{1, 1, tokens.dim(3)} || token.value.dtype() != DType::kF32) {
    fail<ShapeError>(
        "[prepend_token] tokens {} and token {} {}: must be [B, H, W, C] and f32 [1, 1, C]",
        tokens.shape(), name_of(token.value.dtype()), token.shape());
  }
  const std::int64_t batch = tokens.dim(0), channels = tokens.dim(3);
  const DType dtype = tokens.value.dtype();
  Tensor y = Tensor::empty({batch, 1, 1 + tokens.dim(1) * tokens.dim(2), channels}, dtype);
  OpScope op(tape, "prepend_token", {0.0, 2.0 * static_cast<double>(y.bytes())});
  const Tensor first = dtype == DType::kF32 ? token.value : cast(token.value, dtype);
  const std::size_t rest = tokens.value.bytes() / static_cast<std::size_t>(batch);
  for (std::int64_t b = 0; b < batch; ++b) {
    std::memcpy(sample_of(y, b), first.raw(), first.bytes());
    std::memcpy(sample_of(y, b) + first.bytes(), sample_of(tokens.value, b), rest);
  }
  return tape.record(std::move(y), any_wants_grad(tokens, token),
                     [tokens = tokens.target(), token = token.target(), rest, skip = first.bytes()](
                         Tape& t, const Tensor& dy) {
                       if (const GradSink sink = t.sink(token)) token_gradient(dy, sink);
                       if (!tokens) return;
                       const Tensor dx = Tensor::empty(tokens.shape, tokens.dtype);
                       for (std::int64_t b = 0; b < dx.dim(0); ++b) {
                         std::memcpy(sample_of(dx, b), sample_of(dy, b) + skip, rest);
                       }
                       t.pass(tokens, dx);
                     });
}

Var first_token(Tape& tape, const Var& x) {
  if (x.shape().rank() != 4 || x.value.numel() < 1) {
    fail<ShapeError>("[first_token] x {} is not [B, H, W, C] with tokens to take", x.shape());
  }
  Tensor y = Tensor::empty({x.dim(0), x.dim(3)}, x.value.dtype());
  OpScope op(tape, "first_token", {0.0, 2.0 * static_cast<double>(y.bytes())});
  for (std::int64_t b = 0; b < y.dim(0); ++b) {
    std::memcpy(sample_of(y, b), sample_of(x.value, b), sample_of(y, 1) - sample_of(y, 0));
  }
  return tape.record(std::move(y), any_wants_grad(x), [x = x.target()](Tape& t, const Tensor& dy) {
    const Tensor dx = Tensor::zeros(x.shape, x.dtype);
    for (std::int64_t b = 0; b < dx.dim(0); ++b) {
      std::memcpy(sample_of(dx, b), sample_of(dy, b),
                  static_cast<std::size_t>(sample_of(dy, 1) - sample_of(dy, 0)));
    }
    t.pass(x, dx);
  });
}

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
