#include "data/transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "data/augment/crop.h"
#include "data/augment/erase.h"
#include "data/augment/pixel_ops.h"
#include "data/augment/policy.h"
#include "data/images/resize.h"

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

/// Cut to the middle so that scaling to cover `shape` cannot ask for boundless memory.
Image not_too_long(const ImageView& image, const ImageShape& shape) {
  constexpr std::int64_t kMost = 8;  // times longer than what is seen
  CropBox box{0, 0, image.shape.height, image.shape.width};
  box.height = std::min(box.height, kMost * (box.width * shape.height / shape.width + 1));
  box.width = std::min(box.width, kMost * (box.height * shape.width / shape.height + 1));
  box.top = (image.shape.height - box.height) / 2;
  box.left = (image.shape.width - box.width) / 2;
  return crop(image, box);
}

/// The least scale at which `image` covers `shape` / `test_crop`.
double cover_scale(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config) {
  const auto scale = [&](std::int64_t from, std::int64_t to) {
    return std::floor(static_cast<double>(to) / config.test_crop) / static_cast<double>(from);
  };
  return std::max(scale(image.height, shape.height), scale(image.width, shape.width));
}

Image covering(const Image& image, const ImageShape& shape, const ResizeConfig& config) {
  const double scale = cover_scale(image.shape, shape, config);
  const auto scaled = [scale](std::int64_t side, std::int64_t least) {
    return std::max(least, static_cast<std::int64_t>(static_cast<double>(side) * scale + 1e-6));
  };
  return resize(image, scaled(image.shape.height, shape.height),
                scaled(image.shape.width, shape.width), config.interpolation);
}

}  // namespace

Image fit(const ImageView& image, const ImageShape& shape, const ResizeConfig& config) {
  if (image.shape == shape) return {image.shape, {image.pixels.begin(), image.pixels.end()}};
  const Image whole = covering(not_too_long(image, shape), shape, config);
  // Halves to even, as torchvision's CenterCrop.
  const auto margin = [](std::int64_t spare) {
    return static_cast<std::int64_t>(std::nearbyint(0.5 * static_cast<double>(spare)));
  };
  return crop(whole, {margin(whole.shape.height - shape.height),
                      margin(whole.shape.width - shape.width), shape.height, shape.width});
}

Image shrink(Image image, const ImageShape& shape, const ResizeConfig& config) {
  if (image.shape == shape || cover_scale(image.shape, shape, config) >= 1.0) return image;
  return covering(not_too_long(image, shape), shape, config);
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
  if (image.shape == shape_) return scale(image.pixels, out);
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
  Image changed = cropped(image, rng);
  if (augment_.flip && rng.below(2) == 1) flip(changed);
  apply_policy(changed, augment_, mean_colour_, rng);
  jitter(changed, rng);
  scale(changed.pixels, out);
  if (augment_.erase > 0.0) random_erase(shape_, augment_, rng, out);
}

Image Transform::cropped(const ImageView& image, Rng& rng) const {
  Image result;
  if (augment_.crops_area()) {
    result = resize(crop(image, random_box(image.shape, augment_, rng)), shape_.height,
                    shape_.width, resize_.interpolation);
  } else {
    result = fit(image, shape_, resize_);
  }
  if (augment_.crop_padding == 0) return result;
  const auto places = static_cast<std::uint32_t>(2 * augment_.crop_padding + 1);
  const auto dy = std::int64_t{rng.below(places)} - augment_.crop_padding;
  const auto dx = std::int64_t{rng.below(places)} - augment_.crop_padding;
  return shifted(result, dy, dx);
}

void Transform::jitter(Image& image, Rng& rng) const {
  const auto factor = [&] {
    const auto reach = static_cast<float>(augment_.color_jitter);
    return double{rng.uniform(std::max(0.0f, 1.0f - reach), 1.0f + reach)};
  };
  if (augment_.color_jitter > 0.0) {
    adjust_brightness(image, factor());
    adjust_contrast(image, factor());
    adjust_saturation(image, factor());
  }
  if (augment_.hue_jitter > 0.0) {
    const auto reach = static_cast<float>(augment_.hue_jitter);
    adjust_hue(image, double{rng.uniform(-reach, reach)});
  }
}

}  // namespace tessera
