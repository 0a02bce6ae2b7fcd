// Random parts of images.
#pragma once

#include <cstdint>

#include "core/rng.h"
#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

/// A rectangle of pixels within an image.
struct CropBox {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

Image crop(const ImageView& image, const CropBox& box);

/// The largest box of the middle with the aspect of `height` x `width`.
CropBox middle_box(const ImageShape& image, std::int64_t height, std::int64_t width);

/// A box of a share of the area from `config.crop_area` and a width to height from
/// `config.crop_aspect`, log-uniform, at a random place (arXiv:1409.4842, section 6). After ten
/// boxes that do not fit the image: the largest in its middle whose aspect is allowed.
CropBox random_box(const ImageShape& image, const AugmentConfig& config, Rng& rng);

/// Moves the image so that row y shows what was row y + dy, and column x what was x + dx; what
/// comes in from outside is 0.
Image shifted(const ImageView& image, std::int64_t dy, std::int64_t dx);

/// Mirrors left and right.
void flip(Image& image);

}  // namespace tessera
