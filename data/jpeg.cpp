#include "data/jpeg.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

constexpr std::uint8_t kHuffman = 0xc4;
constexpr std::uint8_t kEnd = 0xd9;
constexpr std::uint8_t kApp1 = 0xe1;
constexpr std::uint32_t kOrientationTag = 0x0112;

/// Tables of a class byte, 16 counts of codes by length, and as many symbols: at most 256.
bool huffman_tables_fit(std::span<const std::uint8_t> body) {
  while (!body.empty()) {
    if (body.size() < 17) return false;
    std::size_t symbols = 0;
    for (std::size_t i = 1; i <= 16; ++i) symbols += body[i];
    if (symbols > 256 || body.size() < 17 + symbols) return false;
    body = body.subspan(17 + symbols);
  }
  return true;
}

/// Numbers of a TIFF block, whose byte order its first letter gives; 0 beyond the end.
struct Tiff {
  std::span<const std::uint8_t> bytes;

  std::uint32_t number(std::size_t at, std::size_t width) const {
    std::uint32_t value = 0;
    if (at + width > bytes.size()) return 0;
    for (std::size_t i = 0; i < width; ++i) {
      value = value << 8 | bytes[bytes[0] == 'I' ? at + width - 1 - i : at + i];
    }
    return value;
  }
};

/// The first directory of the TIFF block behind "Exif\0\0": a count, then entries of 12 bytes.
int orientation_of(std::span<const std::uint8_t> body) {
  if (body.size() < 14 || std::memcmp(body.data(), "Exif\0", 6) != 0) return 1;
  const Tiff tiff{body.subspan(6)};
  const std::size_t directory = tiff.number(4, 4);
  const std::size_t entries = tiff.number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (tiff.number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int scan_jpeg(std::span<const std::uint8_t> bytes, std::string_view name) {
  int orientation = 1;
  std::size_t at = 2;
  for (;;) {
    // Coded data and padding lie between segments; there FF is followed by 00 or a restart marker.
    while (at + 1 < bytes.size() && !(bytes[at] == 0xff && bytes[at + 1] != 0xff &&
                                      bytes[at + 1] != 0 && (bytes[at + 1] & 0xf8) != 0xd0)) {
      ++at;
    }
    if (at + 1 >= bytes.size()) break;
    const std::uint8_t marker = bytes[at + 1];
    if (marker == kEnd) return orientation;
    if (at + 4 > bytes.size()) break;
    const std::size_t length = std::size_t{bytes[at + 2]} << 8 | bytes[at + 3];
    if (length < 2) fail<DataError>("[image] {}: damaged JPEG at byte {}", name, at);
    if (at + 2 + length > bytes.size()) break;
    const std::span<const std::uint8_t> body = bytes.subspan(at + 4, length - 2);
    if (marker == kHuffman && !huffman_tables_fit(body)) {
      fail<DataError>("[image] {}: damaged JPEG, impossible Huffman table at byte {}", name, at);
    }
    if (marker == kApp1 && orientation == 1) orientation = orientation_of(body);
    at += 2 + length;
  }
  fail<DataError>("[image] {}: truncated JPEG", name);
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
