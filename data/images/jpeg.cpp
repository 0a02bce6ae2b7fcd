// What stb_image leaves out of JPEG (ITU T.81): whether the file is whole, and how it was held.
#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "core/error.h"
#include "data/images/exif.h"
#include "data/images/image_header.h"

namespace tessera {
namespace {

constexpr std::uint8_t kHuffman = 0xc4;
constexpr std::uint8_t kProgressive = 0xc2;
constexpr std::uint8_t kArithmetic = 0xcc;
constexpr std::uint8_t kEnd = 0xd9;
constexpr std::uint8_t kScan = 0xda;
constexpr std::uint8_t kApp1 = 0xe1;
constexpr int kMaxScans = 500;  // a progressive file has some ten; each is a pass over all pixels

/// Which tables there are: of class 0 (DC) or 1 (AC), four each.
using HuffmanTables = std::array<std::array<bool, 4>, 2>;

/// Tables of a byte for class and number, 16 counts of codes by length, and as many symbols: at
/// most 256. False if it is nothing like this.
bool add_tables(std::span<const std::uint8_t> body, HuffmanTables& tables) {
  while (!body.empty()) {
    if (body.size() < 17 || body[0] >> 4 > 1 || (body[0] & 15) > 3) return false;
    std::size_t symbols = 0;
    for (std::size_t i = 1; i <= 16; ++i) symbols += body[i];
    if (symbols > 256 || body.size() < 17 + symbols) return false;
    tables[body[0] >> 4][body[0] & 15] = true;
    body = body.subspan(17 + symbols);
  }
  return true;
}

/// A count of components, of each its number and its tables; then first and last coefficient and
/// how they are refined. stb_image would decode by a table that is not there.
bool has_tables(std::span<const std::uint8_t> body, const HuffmanTables& tables, bool progressive) {
  if (body.empty() || body.size() < std::size_t{4} + 2 * body[0]) return false;
  const std::size_t count = body[0];
  const bool needs_dc = !progressive || body[1 + 2 * count] == 0;
  const bool needs_ac = !progressive || body[2 + 2 * count] > 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t used = body[2 + 2 * i];
    if (needs_dc && (used >> 4 > 3 || !tables[0][used >> 4])) return false;
    if (needs_ac && ((used & 15) > 3 || !tables[1][used & 15])) return false;
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
    if (marker == kHuffman && !add_tables(body, tables_)) {
      fail<DataError>("[image] {}: damaged JPEG, impossible Huffman table at byte {}", name_, at);
    }
    if (marker == kScan) scan(body, at);
    if (starts_frame(marker)) frame(marker, body, at);
    if (marker == kApp1 && header_.orientation == 1 && body.size() > 6 &&
        std::memcmp(body.data(), "Exif\0", 6) == 0) {
      header_.orientation = exif_orientation(body.subspan(6));
    }
  }

  ImageHeader finish() const {
    if (frame_ == 0 || scans_ == 0) fail<DataError>("[image] {}: damaged JPEG, no picture", name_);
    return header_;
  }

 private:
  void scan(std::span<const std::uint8_t> body, std::size_t at) {
    if (++scans_ > kMaxScans) {
      fail<DataError>("[image] {}: damaged JPEG, more than {} scans", name_, kMaxScans);
    }
    // Frames from C9 on are coded without such tables.
    if (frame_ <= 0xc7 && !has_tables(body, tables_, frame_ == kProgressive)) {
      fail<DataError>("[image] {}: damaged JPEG, no Huffman table for the scan at byte {}", name_,
                      at);
    }
  }

  /// Precision, height, width, count of components.
  void frame(std::uint8_t marker, std::span<const std::uint8_t> body, std::size_t at) {
    if (frame_ != 0 || body.size() < 6) {
      fail<DataError>("[image] {}: damaged JPEG, impossible frame at byte {}", name_, at);
    }
    frame_ = marker;
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
  HuffmanTables tables_{};
  std::uint8_t frame_ = 0;  ///< its marker
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
