#include <algorithm>
#include <cmath>
#include <span>

#include "core/kernels/window_attention_kernels.h"
#include "core/ops/window_attention.h"

namespace tessera::ops {
namespace {

// One place of a window.
struct Place {
  std::int64_t token;   // of the map, -1 in the padding
  std::int64_t region;  // places of different regions were brought together by the roll
};

// Of a rolled axis: the part that was in place, the one that stayed beside it, the one that came
// from the other side.
std::int64_t region_of(std::int64_t i, std::int64_t length, std::int64_t window,
                       std::int64_t shift) {
  if (shift == 0) return 0;
  return i < length - window ? 0 : (i < length - shift ? 1 : 2);
}

// All windows of an image, one after the other: [windows * N].
std::vector<Place> place_all(std::int64_t height, std::int64_t width,
                             const WindowAttentionConfig& config) {
  const auto [wh, ww] = config.window;
  const auto [sh, sw] = config.shift;
  const std::int64_t padded_h = (height + wh - 1) / wh * wh, padded_w = (width + ww - 1) / ww * ww;
  std::vector<Place> places;
  for (std::int64_t top = 0; top < padded_h; top += wh) {
    for (std::int64_t left = 0; left < padded_w; left += ww) {
      for (std::int64_t i = 0; i < wh * ww; ++i) {
        const std::int64_t y = top + i / ww, x = left + i % ww;  // in the rolled map
        const std::int64_t from_y = rolled_from(y, height, padded_h, sh, config.roll_first);
        const std::int64_t from_x = rolled_from(x, width, padded_w, sw, config.roll_first);
        const bool padding = from_y >= height || from_x >= width;
        places.push_back({padding ? -1 : from_y * width + from_x,
                          3 * region_of(y, padded_h, wh, sh) + region_of(x, padded_w, ww, sw)});
      }
    }
  }
  return places;
}

// One image with f32 qkv [H W, 3C].
struct Image {
  const AttentionArguments& arguments;
  const float* qkv;
  std::int64_t channels, head_dim;

  // Part 0 is the query, 1 the key. Padding without a content is null.
  const float* row(const Place& place, std::int64_t part, std::int64_t head) const {
    const float* base = arguments.pad_qkv ? arguments.pad_qkv.f32() : nullptr;
    if (place.token >= 0) base = qkv + place.token * 3 * channels;
    return base == nullptr ? nullptr : base + part * channels + head * head_dim;
  }

  float similarity(const Place& query, const Place& key, std::int64_t head) const {
    const float *const q = row(query, 0, head), *const k = row(key, 1, head);
    if (q == nullptr || k == nullptr) return 0.0f;
    float dot = 0.0f, q_squares = 0.0f, k_squares = 0.0f;
    for (std::int64_t d = 0; d < head_dim; ++d) {
      dot += q[d] * k[d];
      q_squares += q[d] * q[d];
      k_squares += k[d] * k[d];
    }
    if (!arguments.logit_scale) return arguments.config.scale * dot;
    const float largest = std::log(100.0f);
    return std::exp(std::min(arguments.logit_scale.f32()[head], largest)) * dot /
           (std::max(std::sqrt(q_squares), 1e-12f) * std::max(std::sqrt(k_squares), 1e-12f));
  }

  // Row `i` of a window's probabilities.
  void attend(std::span<const Place> window, std::size_t i, std::int64_t head, float* p) const {
    const std::size_t n = window.size();
    const float* const bias =
        arguments.bias ? arguments.bias.f32() + (static_cast<std::size_t>(head) * n + i) * n
                       : nullptr;
    float largest = -INFINITY, sum = 0.0f;
    for (std::size_t j = 0; j < n; ++j) {
      p[j] = similarity(window[i], window[j], head) + (bias == nullptr ? 0.0f : bias[j]);
      if (window[i].region != window[j].region) p[j] -= 100.0f;
      if (arguments.config.mask_padding && window[j].token < 0) p[j] = -INFINITY;
      largest = std::max(largest, p[j]);
    }
    for (std::size_t j = 0; j < n; ++j) sum += p[j] = std::exp(p[j] - largest);
    for (std::size_t j = 0; j < n; ++j) p[j] /= sum;
  }
};

}  // namespace

AttentionProbabilities attention_probabilities(const AttentionArguments& arguments) {
  const WindowAttentionConfig& config = arguments.config;
  const Tensor qkv =
      arguments.qkv.dtype() == DType::kF32 ? arguments.qkv : cast(arguments.qkv, DType::kF32);
  const std::int64_t batch = qkv.dim(0), tokens = qkv.dim(1) * qkv.dim(2);
  const std::int64_t channels = qkv.dim(3) / 3, n = config.window[0] * config.window[1];
  const std::vector<Place> places = place_all(qkv.dim(1), qkv.dim(2), config);
  const std::int64_t windows = static_cast<std::int64_t>(places.size()) / n;

  AttentionProbabilities result;
  result.values = Tensor::empty({batch, windows, config.num_heads, n, n});
  for (const Place& place : places) result.tokens.push_back(place.token);
  float* p = result.values.f32();
  for (std::int64_t item = 0; item < batch * windows; ++item) {
    const Image image{arguments, qkv.f32() + item / windows * tokens * 3 * channels, channels,
                      channels / config.num_heads};
    const std::span<const Place> window = std::span(places).subspan(
        static_cast<std::size_t>(item % windows * n), static_cast<std::size_t>(n));
    for (std::int64_t head = 0; head < config.num_heads; ++head) {
      for (std::size_t i = 0; i < window.size(); ++i, p += n) image.attend(window, i, head, p);
    }
  }
  return result;
}

}  // namespace tessera::ops
