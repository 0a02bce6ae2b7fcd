#include "data/images/exif.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "data/images/decoders.h"

namespace tessera {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;

/// Bytes of a value of a type of TIFF 6.0 that holds whole numbers; 0: another type.
std::size_t bytes_of_type(std::uint32_t type) {
  switch (type) {
    case 1:  // BYTE
    case 6:  // SBYTE
      return 1;
    case 3:  // SHORT, which EXIF asks for
    case 8:  // SSHORT
      return 2;
    case 4:   // LONG
    case 9:   // SLONG
    case 13:  // IFD
      return 4;
    default:
      return 0;
  }
}

}  // namespace

int exif_orientation(std::span<const std::uint8_t> block) {
  constexpr std::string_view kMark("Exif\0\0",
                                   6);  // that of JPEG, which some writers keep elsewhere
  const bool is_marked =
      block.size() >= kMark.size() && std::equal(kMark.begin(), kMark.end(), block.begin());
  const auto tiff = is_marked ? block.subspan(kMark.size()) : block;
  // The first letters give the byte order, the number at 4 the place of the first directory.
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const auto number = [&](std::size_t at, std::size_t width) -> std::uint32_t {
    if (at + width > tiff.size()) return 0;
    return tiff[0] == 'I' ? little_endian(tiff, at, width) : big_endian(tiff, at, width);
  };
  // A directory is a count, then entries of 12 bytes: tag, type, count, value.
  const std::size_t directory = number(4, 4);
  const std::size_t entries = number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = number(entry + 8, bytes_of_type(number(entry + 2, 2)));
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1) return image;
  const ImageShape& in = image.shape;
  const bool turned = orientation >= 5;  // rows became columns
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{{turned ? in.width : in.height, turned ? in.height : in.width, in.channels}, {}};
  out.pixels.resize(image.pixels.size());
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t y = 0; y < out.shape.height; ++y) {
    for (std::int64_t x = 0; x < out.shape.width; ++x, to += in.channels) {
      std::int64_t sy = turned ? x : y;
      std::int64_t sx = turned ? y : x;
      if (from_bottom) sy = in.height - 1 - sy;
      if (from_right) sx = in.width - 1 - sx;
      std::copy_n(image.pixels.data() + (sy * in.width + sx) * in.channels, in.channels, to);
    }
  }
  return out;
}

}  // namespace tessera
