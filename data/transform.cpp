#include "data/transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/error.h"

namespace tessera {
namespace {

// Random erasing, arXiv:1708.04896: share of the area and height to width, log-uniform.
constexpr float kEraseAreaMin = 0.02f;
constexpr float kEraseAreaMax = 1.0f / 3.0f;
constexpr float kEraseAspect = 3.3f;
constexpr int kEraseAttempts = 10;

void scale_row(const std::uint8_t* pixels, const float* scale, const float* shift,
               std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(pixels[i]) * scale[i] + shift[i];
  }
}

/// Mirrors `width` pixels of `channels` bytes in place.
void flip_row(std::uint8_t* row, std::size_t width, std::size_t channels) {
  for (std::size_t left = 0, right = width - 1; left < right; ++left, --right) {
    for (std::size_t c = 0; c < channels; ++c) {
      std::swap(row[left * channels + c], row[right * channels + c]);
    }
  }
}

}  // namespace

Transform::Transform(const ImageShape& shape, const Normalization& normalization,
                     const AugmentConfig& augment)
    : shape_(shape), augment_(augment) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (normalization.mean.size() != channels || normalization.std.size() != channels) {
    fail<ConfigError>("[transform] {} means and {} stds for {} channels", normalization.mean.size(),
                      normalization.std.size(), channels);
  }
  if (augment.crop_padding < 0 || augment.crop_padding >= std::min(shape.height, shape.width)) {
    fail<ConfigError>("[transform] crop_padding {} must be in [0, {})", augment.crop_padding,
                      std::min(shape.height, shape.width));
  }
  if (!(augment.erase >= 0.0 && augment.erase <= 1.0)) {
    fail<ConfigError>("[transform] erase {} is not a probability", augment.erase);
  }
  for (std::int64_t column = 0; column < shape.width; ++column) {
    for (std::size_t c = 0; c < channels; ++c) {
      scale_.push_back(1.0f / (255.0f * normalization.std[c]));
      shift_.push_back(-normalization.mean[c] / normalization.std[c]);
    }
  }
}

void Transform::normalize(std::span<const std::uint8_t> pixels, float* out) const {
  assert(static_cast<std::int64_t>(pixels.size()) == shape_.numel());
  const std::size_t row = scale_.size();
  for (std::size_t at = 0; at < pixels.size(); at += row) {
    scale_row(pixels.data() + at, scale_.data(), shift_.data(), row, out + at);
  }
}

void Transform::augment(std::span<const std::uint8_t> pixels, Rng& rng, float* out) const {
  assert(static_cast<std::int64_t>(pixels.size()) == shape_.numel());
  std::int64_t dy = 0;  // output row y shows input row y + dy
  std::int64_t dx = 0;
  if (augment_.crop_padding > 0) {
    const auto places = static_cast<std::uint32_t>(2 * augment_.crop_padding + 1);
    dy = std::int64_t{rng.below(places)} - augment_.crop_padding;
    dx = std::int64_t{rng.below(places)} - augment_.crop_padding;
  }
  const bool flip = augment_.flip && rng.below(2) == 1;

  const std::size_t row = scale_.size();
  const auto channels = static_cast<std::size_t>(shape_.channels);
  const auto first = static_cast<std::size_t>(std::max<std::int64_t>(0, -dx)) * channels;
  const auto skipped = static_cast<std::size_t>(std::max<std::int64_t>(0, dx)) * channels;
  std::vector<std::uint8_t> line(row);  // bytes outside the image stay 0
  for (std::int64_t y = 0; y < shape_.height; ++y) {
    float* to = out + static_cast<std::size_t>(y) * row;
    if (y + dy < 0 || y + dy >= shape_.height) {
      std::copy(shift_.begin(), shift_.end(), to);  // what a zero pixel becomes
      continue;
    }
    const std::uint8_t* from = pixels.data() + static_cast<std::size_t>(y + dy) * row;
    if (flip) std::fill(line.begin(), line.end(), std::uint8_t{0});
    std::memcpy(line.data() + first, from + skipped, row - first - skipped);
    if (flip) flip_row(line.data(), row / channels, channels);
    scale_row(line.data(), scale_.data(), shift_.data(), row, to);
  }
  if (augment_.erase > 0.0) random_erase(rng, out);
}

void Transform::random_erase(Rng& rng, float* out) const {
  if (static_cast<double>(rng.uniform()) >= augment_.erase) return;
  const float area = static_cast<float>(shape_.height * shape_.width);
  const float log_aspect = std::log(kEraseAspect);
  for (int attempt = 0; attempt < kEraseAttempts; ++attempt) {
    const float target = area * rng.uniform(kEraseAreaMin, kEraseAreaMax);
    const float aspect = std::exp(rng.uniform(-log_aspect, log_aspect));
    const auto height = static_cast<std::int64_t>(std::lround(std::sqrt(target * aspect)));
    const auto width = static_cast<std::int64_t>(std::lround(std::sqrt(target / aspect)));
    if (height < 1 || width < 1 || height >= shape_.height || width >= shape_.width) continue;
    const std::int64_t top = rng.below(static_cast<std::uint32_t>(shape_.height - height + 1));
    const std::int64_t left = rng.below(static_cast<std::uint32_t>(shape_.width - width + 1));
    for (std::int64_t y = top; y < top + height; ++y) {
      std::fill_n(out + (y * shape_.width + left) * shape_.channels, width * shape_.channels, 0.0f);
    }
    return;
  }
}

}  // namespace tessera
