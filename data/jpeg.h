// What stb_image leaves out of JPEG (ITU T.81): whether the file is whole, and how it was held.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "data/image.h"

namespace tessera {

/// Walks the segments of a file that starts with FF D8 and returns the orientation of its EXIF
/// block, 1 (upright) to 8, or 1 without any. Throws DataError if the file ends before its end
/// marker or holds an impossible Huffman table, which stb_image would run over.
int scan_jpeg(std::span<const std::uint8_t> bytes, std::string_view name);

/// The image as it was seen through the camera: orientations 2 to 8 are its mirrorings and quarter
/// turns (EXIF 2.32, tag 0x0112).
Image upright(Image image, int orientation);

}  // namespace tessera
