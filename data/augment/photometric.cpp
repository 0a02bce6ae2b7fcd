#include "data/augment/photometric.h"

#include <algorithm>
#include <cmath>

#include "data/augment/pixel_ops.h"

namespace tessera {
namespace {

/// Adds to every value.
void add_brightness(Image& image, float amount) {
  for (std::uint8_t& value : image.pixels) {
    const float sum = static_cast<float>(value) + amount;
    value = static_cast<std::uint8_t>(std::clamp(sum, 0.0f, 255.0f));
  }
}

/// Multiplies the saturation of HSV, up to the pure colour; hue and value stay.
void scale_saturation(Image& image, float factor) {
  if (image.shape.channels != 3) return;
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
    std::uint8_t* rgb = &image.pixels[at];
    const auto high = static_cast<float>(std::max({rgb[0], rgb[1], rgb[2]}));
    const auto low = static_cast<float>(std::min({rgb[0], rgb[1], rgb[2]}));
    if (high == low) continue;
    const float scale = std::min(factor, high / (high - low));
    for (std::size_t c = 0; c < 3; ++c) {
      const float value = high - (high - static_cast<float>(rgb[c])) * scale;
      rgb[c] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0f, 255.0f)));
    }
  }
}

}  // namespace

void jitter_colours(Image& image, const AugmentConfig& config, Rng& rng) {
  const auto factor = [&] {
    const auto reach = static_cast<float>(config.color_jitter);
    return double{rng.uniform(std::max(0.0f, 1.0f - reach), 1.0f + reach)};
  };
  if (config.color_jitter > 0.0) {
    adjust_brightness(image, factor());
    adjust_contrast(image, factor());
    adjust_saturation(image, factor());
  }
  if (config.hue_jitter > 0.0) {
    const auto reach = static_cast<float>(config.hue_jitter);
    adjust_hue(image, double{rng.uniform(-reach, reach)});
  }
}

void distort_colours(Image& image, Rng& rng) {
  constexpr float kBrightness = 32.0f, kLeast = 0.5f, kMost = 1.5f, kHue = 18.0f / 180.0f;
  const auto happens = [&] { return rng.below(2) == 1; };
  // A factor of all values is a blend with black.
  const auto contrast = [&] {
    if (happens()) adjust_brightness(image, double{rng.uniform(kLeast, kMost)});
  };
  if (happens()) add_brightness(image, rng.uniform(-kBrightness, kBrightness));
  const bool contrast_first = happens();
  if (contrast_first) contrast();
  if (happens()) scale_saturation(image, rng.uniform(kLeast, kMost));
  if (happens()) adjust_hue(image, double{rng.uniform(-kHue, kHue)});
  if (!contrast_first) contrast();
}

}  // namespace tessera
