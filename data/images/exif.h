// How the camera was held (EXIF 2.32, tag 0x0112).
#pragma once

#include <cstdint>
#include <span>

#include "data/images/image.h"

namespace tessera {

/// The orientation that a block of EXIF names, 1 (upright) to 8, in either byte order and any type
/// of whole numbers; 1 where it names none or is damaged.
int exif_orientation(std::span<const std::uint8_t> block);

/// The image as it was seen through the camera: orientations 2 to 8 are its mirrorings and quarter
/// turns.
Image upright(Image image, int orientation);

}  // namespace tessera
