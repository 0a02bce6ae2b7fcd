// The libraries behind decode_image. They are given files that read_image_header has let pass, and
// give pixels as stored: an orientation is undone later.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "data/images/image.h"
#include "data/images/image_header.h"

namespace tessera {

/// JPEG, PNG or BMP by stb_image; transparent pixels over white. Throws DataError if it cannot be
/// decoded or needs much more memory than its header accounts for.
Image decode_with_stb(std::span<const std::uint8_t> bytes, const ImageHeader& header,
                      std::string_view name, std::int64_t channels);

/// "libjpeg-turbo" or, built without it, "stb_image".
std::string_view jpeg_decoder();

/// JPEG by libjpeg-turbo, scaled down by 2, 4 or 8 while both sides stay at least `at_least`.
/// Nothing if the program was built without the library or it does not read this kind (CMYK,
/// unusual subsampling); within rounding of stb_image where not scaled. Throws DataError if the
/// picture is damaged.
std::optional<Image> decode_with_turbo(std::span<const std::uint8_t> bytes,
                                       const ImageHeader& header, std::string_view name,
                                       std::int64_t channels, const ImageSize& at_least);

}  // namespace tessera
