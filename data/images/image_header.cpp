#include "data/images/image_header.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

bool starts(std::span<const std::uint8_t> bytes, std::string_view magic, std::size_t at = 0) {
  return bytes.size() >= at + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

/// What a file of no readable format is, as far as its first bytes tell.
std::string_view other_format(std::span<const std::uint8_t> bytes) {
  using namespace std::string_view_literals;
  if (starts(bytes, "GIF8")) return "a GIF";
  if (starts(bytes, "RIFF") && starts(bytes, "WEBP", 8)) return "a WebP";
  if (starts(bytes, "II*\0"sv) || starts(bytes, "MM\0*"sv)) return "a TIFF";
  if (starts(bytes, "ftyp", 4)) return "a HEIF, AVIF or video";
  if (starts(bytes, "<")) return "a web page or other markup";
  if (starts(bytes, "PK\3\4") || starts(bytes, "\x1f\x8b")) return "an archive";
  if (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; })) {
    return "all zero bytes";
  }
  return "no image";
}

void check_limits(const ImageHeader& header, std::string_view name) {
  if (header.width == 0 || header.height == 0) {
    fail<DataError>("[image] {}: an image of {} x {} pixels", name, header.height, header.width);
  }
  if (header.width > kMaxImageSide || header.height > kMaxImageSide ||
      header.width * header.height * header.bytes_per_pixel > kMaxImageBytes) {
    fail<DataError>("[image] {}: {} x {} pixels; at most {} a side and {} MB in all", name,
                    header.height, header.width, kMaxImageSide, kMaxImageBytes >> 20);
  }
}

ImageHeader read_header(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (starts(bytes, "\x89PNG\r\n\x1a\n")) return read_png_header(bytes, name);
  if (starts(bytes, "\xff\xd8")) return read_jpeg_header(bytes, name);
  if (starts(bytes, "BM")) return read_bmp_header(bytes, name);
  fail<DataError>("[image] {}: is {}; JPEG, PNG and BMP can be read", name, other_format(bytes));
}

}  // namespace

ImageHeader read_image_header(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (bytes.empty()) fail<DataError>("[image] {}: empty file", name);
  if (bytes.size() > static_cast<std::size_t>(kMaxImageBytes)) {
    fail<DataError>("[image] {}: {} bytes; an image file may have {} MB", name, bytes.size(),
                    kMaxImageBytes >> 20);
  }
  const ImageHeader header = read_header(bytes, name);
  check_limits(header, name);
  return header;
}

std::string_view format_name(ImageFormat format) {
  constexpr std::array<std::string_view, 3> kNames = {"JPEG", "PNG", "BMP"};
  return kNames[static_cast<std::size_t>(format)];
}

ImageHeader read_bmp_header(std::span<const std::uint8_t> bytes, std::string_view name) {
  // File header of 14 bytes, then one that begins with its own length: 12 (OS/2) or at least 40.
  if (bytes.size() < 26) fail<DataError>("[image] {}: truncated BMP", name);
  const std::uint32_t pixels_at = little_endian(bytes, 10, 4);
  const bool old = little_endian(bytes, 14, 4) == 12;
  if (!old && bytes.size() < 54) fail<DataError>("[image] {}: truncated BMP", name);
  ImageHeader header{.format = ImageFormat::kBmp};
  header.width = little_endian(bytes, 18, old ? 2 : 4);
  const std::int64_t rows =
      old ? std::int64_t{little_endian(bytes, 20, 2)}
          : std::int64_t{static_cast<std::int32_t>(little_endian(bytes, 22, 4))};
  header.height = rows < 0 ? -rows : rows;  // negative: the upper row is first
  const std::int64_t bits = little_endian(bytes, old ? 24 : 28, 2);
  header.may_have_alpha = bits == 16 || bits == 32;
  header.bytes_per_pixel = header.may_have_alpha ? 4 : 3;
  check_limits(header, name);
  const std::int64_t row_bytes = (header.width * bits + 31) / 32 * 4;
  if (pixels_at + row_bytes * header.height > static_cast<std::int64_t>(bytes.size())) {
    fail<DataError>("[image] {}: truncated BMP", name);
  }
  return header;
}

}  // namespace tessera
