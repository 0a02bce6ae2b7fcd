// Decoding photos into pixels, and writing PNG. The only place that knows stb_image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset_info.h"

namespace tessera {

/// Pixels that belong to someone else.
struct ImageView {
  ImageShape shape;
  std::span<const std::uint8_t> pixels;  ///< [height, width, channels]
};

struct Image {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;  ///< [height, width, channels]

  operator ImageView() const { return {shape, pixels}; }  // NOLINT(google-explicit-constructor)
};

/// JPEG, PNG or BMP as 1 (grey) or 3 (RGB) channels; alpha is dropped, an EXIF
/// orientation is undone. `name` is for messages.
/// Throws DataError if the bytes are empty, of another format, truncated or damaged, or if the
/// header asks for a side above 16384 pixels or more than 256 MB.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::int64_t channels);

/// decode_image of a file. Throws DataError.
Image load_image(const std::filesystem::path& path, std::int64_t channels);

/// The bytes of a PNG file; 1 to 4 channels: grey, grey and alpha, RGB, RGB and alpha.
std::string encode_png(const Image& image);

/// encode_png to a file. Throws DataError if it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace tessera
