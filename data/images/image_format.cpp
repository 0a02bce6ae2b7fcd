#include "data/images/image_format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/error.h"
#include "data/images/decoders.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kEndings = ".jpg, .jpeg, .jpe, .jfif, .png, .webp, .bmp, .dib";

constexpr std::array kUnreadEndings = {
    ".tif"sv, ".tiff"sv, ".gif"sv, ".heic"sv, ".heif"sv, ".avif"sv, ".jp2"sv, ".j2k"sv,
    ".jxl"sv, ".tga"sv,  ".psd"sv, ".ico"sv,  ".svg"sv,  ".pbm"sv,  ".pgm"sv, ".ppm"sv,
    ".pnm"sv, ".pcx"sv,  ".qoi"sv, ".exr"sv,  ".hdr"sv,  ".dds"sv,  ".dng"sv, ".cr2"sv,
    ".cr3"sv, ".nef"sv,  ".arw"sv, ".orf"sv,  ".raf"sv,  ".rw2"sv};

bool starts(std::span<const std::uint8_t> bytes, std::string_view magic, std::size_t at = 0) {
  return bytes.size() >= at + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

/// What a file of no readable format is, as far as its first bytes tell.
std::string_view other_format(std::span<const std::uint8_t> bytes) {
  if (starts(bytes, "GIF8")) return "a GIF";
  if (starts(bytes, "II*\0"sv) || starts(bytes, "MM\0*"sv)) return "a TIFF";
  if (starts(bytes, "ftyp", 4)) return "a HEIF, AVIF or video";
  if (starts(bytes, "\0\0\0\x0cjP  "sv)) return "a JPEG 2000";
  if (starts(bytes, "\xff\x0a") || starts(bytes, "\0\0\0\x0cJXL "sv)) return "a JPEG XL";
  if (starts(bytes, "8BPS")) return "a Photoshop file";
  if (starts(bytes, "%PDF")) return "a PDF";
  if (starts(bytes, "<")) return "a web page or other markup";
  if (starts(bytes, "PK\3\4") || starts(bytes, "\x1f\x8b")) return "an archive";
  if (bytes.empty()) return "empty";
  if (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; })) {
    return "all zero bytes";
  }
  return "no image";
}

}  // namespace

bool is_png(std::span<const std::uint8_t> bytes) { return starts(bytes, "\x89PNG\r\n\x1a\n"); }

ImageFormat image_format(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (is_png(bytes)) return ImageFormat::kPng;
  if (starts(bytes, "\xff\xd8")) return ImageFormat::kJpeg;
  if (starts(bytes, "RIFF") && starts(bytes, "WEBP", 8)) return ImageFormat::kWebp;
  if (starts(bytes, "BM")) return ImageFormat::kBmp;
  fail<DataError>("[image] {}: is {}; JPEG, PNG, WebP and BMP are read: convert it or remove it",
                  name, other_format(bytes));
}

NameKind kind_of_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return NameKind::kOther;
  std::string ending(name.substr(dot));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto is_ending = [&](std::string_view known) { return known == ending; };
  if (std::any_of(kUnreadEndings.begin(), kUnreadEndings.end(), is_ending)) {
    return NameKind::kUnreadImage;
  }
  for (std::string_view rest = kEndings; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, comma) == ending) return NameKind::kImage;
    rest.remove_prefix(std::min(comma + 2, rest.size()));
  }
  return NameKind::kOther;
}

std::string_view image_endings() { return kEndings; }

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
