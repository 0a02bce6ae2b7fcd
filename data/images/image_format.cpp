#include "data/images/image_format.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/error.h"

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
  if (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; })) {
    return "all zero bytes";
  }
  return "no image";
}

}  // namespace

ImageFormat image_format(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (starts(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
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

}  // namespace tessera
