// What stb_image leaves out of JPEG (ITU T.81): whether the file is whole, and how it was held.
#include <cstddef>
#include <cstring>
#include <span>

#include "core/error.h"
#include "data/exif.h"
#include "data/image_header.h"

namespace tessera {
namespace {

constexpr std::uint8_t kHuffman = 0xc4;
constexpr std::uint8_t kArithmetic = 0xcc;
constexpr std::uint8_t kEnd = 0xd9;
constexpr std::uint8_t kScan = 0xda;
constexpr std::uint8_t kApp1 = 0xe1;
constexpr int kMaxScans = 500;  // a progressive file has some ten; each is a pass over all pixels

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

/// C0 to CF but for the tables and the reserved C8 among them.
bool starts_frame(std::uint8_t marker) {
  return (marker & 0xf0) == 0xc0 && marker != kHuffman && marker != kArithmetic && marker != 0xc8;
}

bool is_segment(std::uint8_t marker) {
  return marker != 0xff && marker != 0 && (marker & 0xf8) != 0xd0;
}

/// Gathers what the segments say.
class JpegWalk {
 public:
  JpegWalk(std::size_t file_bytes, std::string_view name) : file_bytes_(file_bytes), name_(name) {}

  void segment(std::uint8_t marker, std::span<const std::uint8_t> body, std::size_t at) {
    if (marker == kHuffman && !huffman_tables_fit(body)) {
      fail<DataError>("[image] {}: damaged JPEG, impossible Huffman table at byte {}", name_, at);
    }
    if (marker == kScan && ++scans_ > kMaxScans) {
      fail<DataError>("[image] {}: damaged JPEG, more than {} scans", name_, kMaxScans);
    }
    if (starts_frame(marker)) frame(body, at);
    if (marker == kApp1 && header_.orientation == 1 && body.size() > 6 &&
        std::memcmp(body.data(), "Exif\0", 6) == 0) {
      header_.orientation = exif_orientation(body.subspan(6));
    }
  }

  ImageHeader finish() const {
    if (!has_frame_ || scans_ == 0) fail<DataError>("[image] {}: damaged JPEG, no picture", name_);
    return header_;
  }

 private:
  /// Precision, height, width, count of components.
  void frame(std::span<const std::uint8_t> body, std::size_t at) {
    if (has_frame_ || body.size() < 6) {
      fail<DataError>("[image] {}: damaged JPEG, impossible frame at byte {}", name_, at);
    }
    has_frame_ = true;
    header_.height = big_endian(body, 1, 2);
    header_.width = big_endian(body, 3, 2);
    header_.bytes_per_pixel = body[5] == 4 ? 4 : 3;
    // A block of 64 pixels takes a bit or more, which leaves room for subsampled colour.
    if (header_.height * header_.width > 1024 * static_cast<std::int64_t>(file_bytes_)) {
      fail<DataError>("[image] {}: {} x {} pixels promised, more than {} bytes can hold", name_,
                      header_.height, header_.width, file_bytes_);
    }
  }

  std::size_t file_bytes_;
  std::string_view name_;
  ImageHeader header_{.format = ImageFormat::kJpeg};
  bool has_frame_ = false;
  int scans_ = 0;
};

}  // namespace

ImageHeader read_jpeg_header(std::span<const std::uint8_t> bytes, std::string_view name) {
  JpegWalk walk(bytes.size(), name);
  std::size_t at = 2;
  for (;;) {
    // Coded data and padding lie between segments; there FF is followed by 00 or a restart marker.
    while (at + 1 < bytes.size() && !(bytes[at] == 0xff && is_segment(bytes[at + 1]))) ++at;
    if (at + 1 >= bytes.size()) break;
    const std::uint8_t marker = bytes[at + 1];
    if (marker == kEnd) return walk.finish();
    if (at + 4 > bytes.size()) break;
    const std::size_t length = big_endian(bytes, at + 2, 2);
    if (length < 2) fail<DataError>("[image] {}: damaged JPEG at byte {}", name, at);
    if (at + 2 + length > bytes.size()) break;
    walk.segment(marker, bytes.subspan(at + 4, length - 2), at);
    at += 2 + length;
  }
  fail<DataError>("[image] {}: truncated JPEG", name);
}

}  // namespace tessera
