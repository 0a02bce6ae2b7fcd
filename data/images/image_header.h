// What a photo's first bytes promise, and whether the file can hold it: looked at before anything
// is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tessera {

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kBmp };

struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  std::int64_t height = 0;  ///< as stored: an orientation may turn it
  std::int64_t width = 0;
  std::int64_t bytes_per_pixel = 3;  ///< that a decoder holds, at least 3
  bool may_have_alpha = false;
  int orientation = 1;  ///< of EXIF, 1 (upright) to 8
};

/// The header of a JPEG, PNG or BMP by its content, whatever its name says. The file is walked to
/// its end: throws DataError if it is empty, of another format, truncated, has a wrong checksum or
/// a table that stb_image would run over, or asks for a side above 16384 pixels, for more than 256
/// MB, or for more pixels than its bytes can hold.
ImageHeader read_image_header(std::span<const std::uint8_t> bytes, std::string_view name);

/// "JPEG", "PNG" or "BMP".
std::string_view format_name(ImageFormat format);

/// The walks of the formats, for files that begin with their magic numbers.
ImageHeader read_jpeg_header(std::span<const std::uint8_t> bytes, std::string_view name);
ImageHeader read_png_header(std::span<const std::uint8_t> bytes, std::string_view name);
ImageHeader read_bmp_header(std::span<const std::uint8_t> bytes, std::string_view name);

/// The largest file that is read for an image, and the most that its pixels may take.
inline constexpr std::int64_t kMaxImageBytes = std::int64_t{256} << 20;
inline constexpr std::int64_t kMaxImageSide = 16384;

inline std::uint32_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at,
                                std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | bytes[at + i];
  return value;
}

inline std::uint32_t little_endian(std::span<const std::uint8_t> bytes, std::size_t at,
                                   std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

}  // namespace tessera
