// Masks: PNG files whose pixels are classes and not colours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "data/images/image.h"

namespace tessera {

/// The values of a grey PNG or the indices of one with a palette, as stored, of 1 to 8 bits: no
/// palette is looked up, no grey stretched. Upright as `decode_image` would have it. `name` is for
/// messages. Thread-safe. Throws DataError if the bytes are no PNG, are damaged or beyond the
/// limits of `read_image_header`, or if a pixel has several samples or 16 bits.
Image decode_mask_png(std::span<const std::uint8_t> bytes, std::string_view name);

/// decode_mask_png of a file. Throws DataError.
Image load_mask_png(const std::filesystem::path& path);

}  // namespace tessera
