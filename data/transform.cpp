#include "data/transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "data/augment/draw_placement.h"
#include "data/augment/mix.h"
#include "data/augment/pixel_ops.h"
#include "data/augment/policy.h"

namespace tessera {
namespace {

void scale_row(const std::uint8_t* pixels, const float* scale, const float* shift,
               std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(pixels[i]) * scale[i] + shift[i];
  }
}

void check(const ImageShape& shape, const AugmentConfig& augment) {
  if (augment.crop_padding < 0 || augment.crop_padding >= std::min(shape.height, shape.width)) {
    fail<ConfigError>("[transform] crop_padding {} must be in [0, {})", augment.crop_padding,
                      std::min(shape.height, shape.width));
  }
  if (!(augment.erase >= 0.0 && augment.erase <= 1.0)) {
    fail<ConfigError>("[transform] erase {} is not a probability", augment.erase);
  }
  const auto check_range = [](const char* key, const std::array<double, 2>& range, double limit) {
    if (range[0] > 0.0 && range[0] <= range[1] && range[1] <= limit) return;
    fail<ConfigError>("[transform] {} [{}, {}] is not a range above 0 up to {}", key, range[0],
                      range[1], limit);
  };
  check_range("crop_area", augment.crop_area, 1.0);
  check_range("crop_aspect", augment.crop_aspect, 100.0);
}

}  // namespace

Image fit(const ImageView& image, const ImageShape& shape, const ResizeConfig& config) {
  return place(image, fitted(image.shape, shape, config), config.interpolation);
}

Image shrink(Image image, const ImageShape& shape, const ResizeConfig& config) {
  if (image.shape == shape || cover_scale(image.shape, shape, config) >= 1.0) return image;
  return place(image, covering(image.shape, shape, config), config.interpolation);
}

ImageSize enough_pixels(const ImageShape& shape, double seen) {
  constexpr double kSpare = 2.0;
  const auto enough = [&](std::int64_t side) {
    return static_cast<std::int64_t>(std::ceil(kSpare * static_cast<double>(side) / seen));
  };
  return {enough(shape.height), enough(shape.width)};
}

Transform::Transform(const ImageShape& shape, const Normalization& normalization,
                     const AugmentConfig& augment, const ResizeConfig& resize)
    : shape_(shape), augment_(augment), resize_(resize) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (normalization.mean.size() != channels || normalization.std.size() != channels) {
    fail<ConfigError>("[transform] {} means and {} stds for {} channels", normalization.mean.size(),
                      normalization.std.size(), channels);
  }
  check(shape, augment);
  for (std::int64_t column = 0; column < shape.width; ++column) {
    for (std::size_t c = 0; c < channels; ++c) {
      scale_.push_back(1.0f / (255.0f * normalization.std[c]));
      shift_.push_back(-normalization.mean[c] / normalization.std[c]);
    }
  }
  for (const float mean : normalization.mean) {
    mean_colour_.push_back(
        static_cast<std::uint8_t>(std::clamp(std::round(255.0f * mean), 0.0f, 255.0f)));
  }
}

void Transform::normalize(const ImageView& image, float* out) const {
  if (fits(image.shape, shape_, resize_)) return scale(image.pixels, out);
  scale(fit(image, shape_, resize_).pixels, out);
}

void Transform::scale(std::span<const std::uint8_t> pixels, float* out) const {
  assert(static_cast<std::int64_t>(pixels.size()) == shape_.numel());
  const std::size_t row = scale_.size();
  for (std::size_t at = 0; at < pixels.size(); at += row) {
    scale_row(pixels.data() + at, scale_.data(), shift_.data(), row, out + at);
  }
}

void Transform::augment(const ImageView& image, Rng& rng, float* out) const {
  const Placement placement = draw_placement(image.shape, shape_, augment_, resize_, rng);
  Image changed = place(image, placement, resize_.interpolation);
  for (const PolicyChange& change : draw_policy(shape_, augment_, rng)) {
    apply(change, changed, mean_colour_);
  }
  jitter_colours(changed, augment_, rng);
  scale(changed.pixels, out);
  if (augment_.erase > 0.0) random_erase(shape_, augment_, rng, out);
}

}  // namespace tessera
