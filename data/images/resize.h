// Scaling images to the size a model was trained with.
#pragma once

#include <cstdint>

#include "data/images/image.h"

namespace tessera {

/// With antialiasing: a filter as wide as the step between output pixels, at least 1, over
/// half-pixel centres; the same bytes as Pillow's BILINEAR and BICUBIC. Throws DataError if a side
/// is less than 1.
Image resize(const ImageView& image, std::int64_t height, std::int64_t width,
             Interpolation interpolation = Interpolation::kBilinear);

}  // namespace tessera
