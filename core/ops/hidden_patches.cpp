#include "core/ops/hidden_patches.h"

#include <cmath>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

using Size = std::array<std::int64_t, 2>;

/// Throws unless the squares cover maps of `size`, as many as `batch`.
void check_mask(const char* op, const HiddenPatches& hidden, std::int64_t batch, Size size) {
  const Shape& mask = hidden.mask.shape();
  const bool covers = mask.rank() == 3 && hidden.mask.dtype() == DType::kF32 && mask[0] == batch &&
                      hidden.side[0] > 0 && hidden.side[1] > 0 &&
                      mask[1] * hidden.side[0] >= size[0] && mask[2] * hidden.side[1] >= size[1];
  if (covers) return;
  fail<ShapeError>("[{}] a mask {} {} of squares {}x{} does not cover {} maps of {}x{}", op,
                   name_of(hidden.mask.dtype()), mask, hidden.side[0], hidden.side[1], batch,
                   size[0], size[1]);
}

/// The value of the mask at a place of a map.
float hidden_at(const HiddenPatches& hidden, std::int64_t b, std::int64_t y, std::int64_t x) {
  const Shape& mask = hidden.mask.shape();
  return hidden.mask.f32()[(b * mask[1] + y / hidden.side[0]) * mask[2] + x / hidden.side[1]];
}

/// Calls `body(row of the hidden token)` for sample `b` of a map of `size`, in order.
template <typename Body>
void for_each_hidden(const HiddenPatches& hidden, std::int64_t b, Size size, const Body& body) {
  for (std::int64_t y = 0; y < size[0]; ++y) {
    for (std::int64_t x = 0; x < size[1]; ++x) {
      if (hidden_at(hidden, b, y, x) != 0.0f) body((b * size[0] + y) * size[1] + x);
    }
  }
}

// y[p] (+)= x[q] or y[q] (+)= x[p], with p a pixel's place in [B, h bh, w bw, C] and q that in
// [B, h, w, C bh bw].
template <typename T>
void shuffle(const T* x, const Shape& deep, Size block, bool to_pixels, bool accumulate, T* y) {
  const std::int64_t h = deep[1], w = deep[2], area = block[0] * block[1];
  const std::int64_t channels = deep[3] / area, width = w * block[1];
  parallel_for(deep[0] * h, row_grain(w * deep[3]), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {  // of all samples
      for (std::int64_t di = 0; di < block[0]; ++di) {
        std::int64_t p = (row * block[0] + di) * width * channels;
        for (std::int64_t j = 0; j < width; ++j) {
          std::int64_t q = (row * w + j / block[1]) * deep[3] + di * block[1] + j % block[1];
          for (std::int64_t c = 0; c < channels; ++c, ++p, q += area) {
            const std::int64_t to = to_pixels ? p : q, from = to_pixels ? q : p;
            store(y[to], (accumulate ? load(y[to]) : 0.0f) + load(x[from]));
          }
        }
      }
    }
  });
}

/// Calls `body(offset in x, offset in target, count)` for the runs of hidden values of sample `b`.
template <typename Body>
void for_each_run(const Shape& x, const Shape& target, const HiddenPatches& hidden, std::int64_t b,
                  Size size, const Body& body) {
  const std::int64_t channels = target[3], side = hidden.side[1];
  for (std::int64_t row = 0; row < size[0]; ++row) {
    for (std::int64_t begin = 0; begin < size[1]; begin += side) {
      if (hidden_at(hidden, b, row, begin) == 0.0f) continue;
      body(((b * x[1] + row) * x[2] + begin) * channels,
           ((b * target[1] + row) * target[2] + begin) * channels,
           (std::min(size[1], begin + side) - begin) * channels);
    }
  }
}

template <typename T>
TESSERA_KERNEL void add_distances(const T* x, const float* target, std::int64_t count,
                                  double* sum) {
  double total = 0.0;
  for (std::int64_t i = 0; i < count; ++i)
    total += std::abs(double{load(x[i])} - double{target[i]});
  *sum += total;
}

// dx (+)= scale sign(x - target)
template <typename T>
TESSERA_KERNEL void add_signs(const T* x, const float* target, std::int64_t count, float scale,
                              T* dx) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float difference = load(x[i]) - target[i];
    const float sign = difference > 0.0f ? 1.0f : difference < 0.0f ? -1.0f : 0.0f;
    store(dx[i], load(dx[i]) + scale * sign);
  }
}

void check_pixels(const Var& x, const Tensor& target, const std::vector<Size>& sizes) {
  const Shape &have = x.shape(), &want = target.shape();
  const bool fits = have.rank() == 4 && want.rank() == 4 && target.dtype() == DType::kF32 &&
                    have[0] == want[0] && have[3] == want[3] && want[3] > 0 && have[1] >= want[1] &&
                    have[2] >= want[2];
  if (!fits) {
    fail<ShapeError>("[hidden_l1] x {} does not cover target {} {}: both are [B, H, W, C]", have,
                     name_of(target.dtype()), want);
  }
  if (!sizes.empty() && static_cast<std::int64_t>(sizes.size()) != want[0]) {
    fail<ShapeError>("[hidden_l1] {} sizes for {} images", sizes.size(), want[0]);
  }
  for (const Size& size : sizes) {
    if (size[0] <= want[1] && size[1] <= want[2]) continue;
    fail<ShapeError>("[hidden_l1] an image of {}x{} is larger than target {}", size[0], size[1],
                     want);
  }
}

}  // namespace

Var replace_tokens(Tape& tape, const Var& tokens, const Var& token, const HiddenPatches& hidden) {
  if (tokens.shape().rank() != 4 || token.shape() != Shape{1, 1, tokens.dim(3)} ||
      token.value.dtype() != DType::kF32) {
    fail<ShapeError>(
        "[replace_tokens] tokens {} and token {} {}: must be [B, H, W, C] and f32 [1, 1, C]",
        tokens.shape(), name_of(token.value.dtype()), token.shape());
  }
  const Size size{tokens.dim(1), tokens.dim(2)};
  check_mask("replace_tokens", hidden, tokens.dim(0), size);
  OpScope op(tape, "replace_tokens", {0.0, 2.0 * static_cast<double>(tokens.value.bytes())});
  const std::int64_t batch = tokens.dim(0), channels = tokens.dim(3);
  Tensor y = tokens.value.clone();
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    for (std::int64_t b = 0; b < batch; ++b) {
      for_each_hidden(hidden, b, size, [&](std::int64_t row) {
        T* to = y.data<T>() + row * channels;
        for (std::int64_t c = 0; c < channels; ++c) store(to[c], token.value.f32()[c]);
      });
    }
  });
  return tape.record(std::move(y), any_wants_grad(tokens, token),
                     [tokens = tokens.target(), token = token.target(), hidden, size, batch,
                      channels](Tape& t, const Tensor& dy) {
                       with_element_type(dy.dtype(), [&](auto element) {
                         using T = decltype(element);
                         if (const GradSink sink = t.sink(token)) {
                           float* const sum = sink.grad.f32();
                           if (!sink.accumulate) std::fill_n(sum, channels, 0.0f);
                           for (std::int64_t b = 0; b < batch; ++b) {
                             for_each_hidden(hidden, b, size, [&](std::int64_t row) {
                               const T* from = dy.data<T>() + row * channels;
                               for (std::int64_t c = 0; c < channels; ++c) sum[c] += load(from[c]);
                             });
                           }
                         }
                         if (!tokens) return;
                         const Tensor dx = dy.clone();
                         for (std::int64_t b = 0; b < batch; ++b) {
                           for_each_hidden(hidden, b, size, [&](std::int64_t row) {
                             std::fill_n(dx.data<T>() + row * channels, channels, T{});
                           });
                         }
                         t.pass(tokens, dx);
                       });
                     });
}

Var pixel_shuffle(Tape& tape, const Var& x, Size block) {
  const Shape& deep = x.shape();
  if (deep.rank() != 4 || block[0] < 1 || block[1] < 1 || deep[3] % (block[0] * block[1]) != 0) {
    fail<ShapeError>("[pixel_shuffle] x {} is not [B, h, w, C * {} * {}]", deep, block[0],
                     block[1]);
  }
  OpScope op(tape, "pixel_shuffle", {0.0, 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(
      {deep[0], deep[1] * block[0], deep[2] * block[1], deep[3] / (block[0] * block[1])},
      x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    shuffle(x.value.data<T>(), deep, block, /*to_pixels=*/true, false, y.data<T>());
  });
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), block](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x);
                       with_element_type(dy.dtype(), [&](auto element) {
                         using T = decltype(element);
                         shuffle(dy.data<T>(), x.shape, block, /*to_pixels=*/false, sink.accumulate,
                                 sink.grad.template data<T>());
                       });
                     });
}

Var hidden_l1(Tape& tape, const Var& x, const Tensor& target, const HiddenPatches& hidden,
              const std::vector<Size>& sizes) {
  constexpr double kEpsilon = 1e-5;
  check_pixels(x, target, sizes);
  const std::int64_t batch = target.dim(0), channels = target.dim(3);
  const Size whole{target.dim(1), target.dim(2)};
  check_mask("hidden_l1", hidden, batch, whole);
  OpScope op(
      tape, "hidden_l1",
      {2.0 * static_cast<double>(target.numel()), 2.0 * static_cast<double>(target.bytes())});
  const auto size_of = [whole, sizes](std::int64_t b) {
    return sizes.empty() ? whole : sizes[static_cast<std::size_t>(b)];
  };
  std::vector<double> sums(static_cast<std::size_t>(batch));
  std::vector<double> values(static_cast<std::size_t>(batch));
  with_element_type(x.value.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(batch, row_grain(target.numel() / std::max<std::int64_t>(1, batch)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t b = begin; b < end; ++b) {
                     const auto at = static_cast<std::size_t>(b);
                     for_each_run(x.shape(), target.shape(), hidden, b, size_of(b),
                                  [&](std::int64_t from, std::int64_t to, std::int64_t count) {
                                    add_distances(x.value.data<T>() + from, target.f32() + to,
                                                  count, &sums[at]);
                                    values[at] += static_cast<double>(count);
                                  });
                   }
                 });
  });
  double sum = 0.0, pixels = 0.0;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    sum += sums[b];
    pixels += values[b] / static_cast<double>(channels);
  }
  if (Peers* peers = tape.options().part.peers) pixels = peers->sum(std::array{pixels})[0];
  const double scale = 1.0 / (pixels + kEpsilon) / static_cast<double>(channels);
  return tape.record(Tensor::full({1}, static_cast<float>(sum * scale)), any_wants_grad(x),
                     [x, target, hidden, size_of, scale](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x.target());
                       const float factor = dy.f32()[0] * static_cast<float>(scale);
                       with_element_type(x.value.dtype(), [&](auto element) {
                         using T = decltype(element);
                         T* const dx = sink.grad.template data<T>();
                         if (!sink.accumulate) std::fill_n(dx, sink.grad.numel(), T{});
                         for (std::int64_t b = 0; b < target.dim(0); ++b) {
                           for_each_run(
                               x.shape(), target.shape(), hidden, b, size_of(b),
                               [&](std::int64_t from, std::int64_t to, std::int64_t count) {
                                 add_signs(x.value.data<T>() + from, target.f32() + to, count,
                                           factor, dx + from);
                               });
                         }
                       });
                     });
}

}  // namespace tessera::ops
