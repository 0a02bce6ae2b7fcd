// One decoder a format, behind decode_image. Each gives the pixels that the format's own library or
// its text defines, as Pillow shows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "data/images/image.h"

namespace tessera {

struct EncodedImage {
  std::span<const std::uint8_t> bytes;  ///< of the whole file, which begins as its format does
  std::string_view name;                ///< for messages, as it may be shown
  std::int64_t channels = 3;            ///< wanted: 1 or 3
  ImageSize at_least;                   ///< see decode_image
};

struct StoredImage {
  Image image;          ///< of the channels asked for, over white where transparent
  int orientation = 1;  ///< of EXIF, 1 (upright) to 8, not yet undone
};

/// By libjpeg-turbo: baseline, progressive, arithmetic; grey, YCbCr, RGB, CMYK, YCCK. Whatever the
/// library calls corrupt is an error.
StoredImage decode_jpeg(const EncodedImage& file);

/// By libspng: all types and depths; 16 bits are cut to 8, a gamma is not applied.
StoredImage decode_png(const EncodedImage& file);

/// By libwebp: lossy and lossless, one picture.
StoredImage decode_webp(const EncodedImage& file);

/// 1 to 32 bits, palettes, bit fields, run lengths of 4 and 8 bits; JPEG and PNG inside are
/// refused.
StoredImage decode_bmp(const EncodedImage& file);

/// The largest file that is read for an image, and the most that its pixels may take.
inline constexpr std::int64_t kMaxImageBytes = std::int64_t{256} << 20;
inline constexpr std::int64_t kMaxImageSide = 16384;

/// Throws DataError unless a decoder may allocate `bytes_per_pixel` for so many pixels, and a file
/// of this size can hold them at `densest` pixels a byte (0: does not tell).
void check_limits(const EncodedImage& file, std::int64_t height, std::int64_t width,
                  std::int64_t bytes_per_pixel, double densest);

/// An image of 1 (grey), 3 (RGB) or 4 (RGB and alpha) channels as one of 1 or 3: over white, and
/// grey by ITU-R 601 weights as in Pillow.
Image flatten(Image image, std::int64_t channels);

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
