// What stb_image leaves out of PNG (ISO 15948): checksums, the end, orientation, transparency.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "core/error.h"
#include "data/images/exif.h"
#include "data/images/image_header.h"

namespace tessera {
namespace {

constexpr std::size_t kMagic = 8;

struct Chunk {
  std::string_view type;
  std::span<const std::uint8_t> data;
};

/// A chunk is length, type, data, crc32 of type and data.
Chunk chunk_at(std::span<const std::uint8_t> bytes, std::size_t at, std::string_view name) {
  if (bytes.size() - at < 12) fail<DataError>("[image] {}: truncated PNG", name);
  const std::size_t length = big_endian(bytes, at, 4);
  if (length > bytes.size() - at - 12) fail<DataError>("[image] {}: truncated PNG", name);
  const auto crc = crc32(0, &bytes[at + 4], static_cast<unsigned>(4 + length));
  if (crc != big_endian(bytes, at + 8 + length, 4)) {
    fail<DataError>("[image] {}: damaged PNG, wrong checksum of the chunk at byte {}", name, at);
  }
  return {{reinterpret_cast<const char*>(&bytes[at + 4]), 4}, bytes.subspan(at + 8, length)};
}

/// Width, height, bits a sample, colour type: 0 grey, 2 RGB, 3 palette, 4 and 6 with alpha.
ImageHeader header_of(const Chunk& first, std::size_t file_bytes, std::string_view name) {
  if (first.type != "IHDR" || first.data.size() != 13) {
    fail<DataError>("[image] {}: damaged PNG, no header", name);
  }
  ImageHeader header{.format = ImageFormat::kPng};
  header.width = big_endian(first.data, 0, 4);
  header.height = big_endian(first.data, 4, 4);
  const std::int64_t depth = first.data[8];
  const int type = first.data[9];
  header.may_have_alpha = (type & 4) != 0;
  const std::int64_t samples = (type == 2 || type == 6 ? 3 : 1) + (header.may_have_alpha ? 1 : 0);
  header.bytes_per_pixel =
      std::max<std::int64_t>(header.may_have_alpha ? 4 : 3, samples * depth / 8);
  // Deflate makes at most 1032 bytes of one. In doubles: the sides may have 32 bits each.
  const double raw_bytes = static_cast<double>(header.height) * static_cast<double>(header.width) *
                           static_cast<double>(samples * depth) / 8.0;
  if (raw_bytes > 1032.0 * static_cast<double>(file_bytes)) {
    fail<DataError>("[image] {}: {} x {} pixels promised, more than {} bytes can hold", name,
                    header.height, header.width, file_bytes);
  }
  return header;
}

}  // namespace

ImageHeader read_png_header(std::span<const std::uint8_t> bytes, std::string_view name) {
  Chunk chunk = chunk_at(bytes, kMagic, name);
  ImageHeader header = header_of(chunk, bytes.size(), name);
  for (std::size_t at = kMagic; chunk.type != "IEND"; chunk = chunk_at(bytes, at, name)) {
    if (chunk.type == "tRNS") {
      header.may_have_alpha = true;
      header.bytes_per_pixel = std::max<std::int64_t>(header.bytes_per_pixel, 4);
    }
    if (chunk.type == "eXIf") header.orientation = exif_orientation(chunk.data);
    at += 12 + chunk.data.size();
  }
  return header;
}

}  // namespace tessera
