// BMP by its text ("Bitmap Storage", Microsoft) and as Pillow shows what that leaves open. The
// format is no more than rows of numbers, and the libraries that read it disagree on 16 and 32
// bits.
#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/images/decoders.h"

namespace tessera {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kOldHeader = 12;  // of OS/2 1.x: sides of 16 bits, palette of 3 bytes
constexpr std::uint32_t kPlain = 0, kRuns8 = 1, kRuns4 = 2, kBitFields = 3, kAlphaBitFields = 6;

struct BmpHeader {
  std::uint32_t size = 0;  ///< of the second header, which begins with it and tells the version
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool from_top = false;
  std::uint32_t bits = 0;  ///< of a pixel
  std::uint32_t compression = kPlain;
  std::size_t colors = 0;     ///< of the palette
  std::size_t pixels_at = 0;  ///< of the first row
};

/// Where the bits of red, green, blue and alpha lie in a pixel; 0: none.
using Masks = std::array<std::uint32_t, 4>;

[[noreturn]] void refuse(const EncodedImage& file, std::string_view what) {
  fail<DataError>("[image] {}: is {}, which is not read: convert it", file.name, what);
}

std::string_view packing_name(std::uint32_t compression) {
  switch (compression) {
    case kRuns8:
    case kRuns4:
      return "a BMP whose run lengths (RLE) do not fit its bits a pixel";
    case 4:
      return "a BMP around a JPEG";
    case 5:
      return "a BMP around a PNG";
    default:
      return "a BMP of unknown compression";
  }
}

BmpHeader read_header(const EncodedImage& file) {
  const auto bytes = file.bytes;
  const auto number = [&](std::size_t at, std::size_t width) {
    if (at + width > bytes.size()) fail<DataError>("[image] {}: truncated BMP", file.name);
    return little_endian(bytes, at, width);
  };
  BmpHeader header{.size = number(kFileHeader, 4), .pixels_at = number(10, 4)};
  constexpr std::array<std::uint32_t, 6> kSizes = {40, 52, 56, 64, 108, 124};
  if (header.size == kOldHeader) {
    header.width = number(18, 2);
    header.height = number(20, 2);
    header.bits = number(24, 2);
  } else if (std::find(kSizes.begin(), kSizes.end(), header.size) != kSizes.end()) {
    header.width = number(18, 4);
    const auto rows = static_cast<std::int32_t>(number(22, 4));
    header.from_top = rows < 0;
    header.height = header.from_top ? -std::int64_t{rows} : rows;
    header.bits = number(28, 2);
    header.compression = number(30, 4);
    header.colors = number(46, 4);
  } else {
    refuse(file, "a BMP of an unknown version");
  }
  const bool has_runs = (header.compression == kRuns8 && header.bits == 8) ||
                        (header.compression == kRuns4 && header.bits == 4);
  const bool has_masks = header.compression == kBitFields ||
                         (header.compression == kAlphaBitFields && header.size > 12);
  const bool is_known = has_masks || has_runs;
  if (header.compression != kPlain && (!is_known || header.size == 64)) {
    refuse(file, header.size == 64 ? "a packed BMP of OS/2" : packing_name(header.compression));
  }
  constexpr std::array<std::uint32_t, 6> kBits = {1, 4, 8, 16, 24, 32};
  if (std::find(kBits.begin(), kBits.end(), header.bits) == kBits.end()) {
    refuse(file, fmt::format("a BMP of {} bits a pixel", header.bits));
  }
  return header;
}

Masks read_masks(const BmpHeader& header, const EncodedImage& file) {
  const Masks usual =
      header.bits == 16 ? Masks{0x7c00, 0x3e0, 0x1f, 0} : Masks{0xff0000, 0xff00, 0xff, 0};
  if (header.compression == kPlain) return usual;  // what is left of 16 or 32 bits is reserved
  constexpr std::size_t kMasksAt = kFileHeader + 40;
  Masks masks{};
  const bool has_alpha = header.size >= 56 || header.compression == kAlphaBitFields;
  for (std::size_t c = 0; c < (has_alpha ? 4 : 3); ++c) {
    if (kMasksAt + 4 * c + 4 > file.bytes.size()) {
      fail<DataError>("[image] {}: truncated BMP", file.name);
    }
    masks[c] = little_endian(file.bytes, kMasksAt + 4 * c, 4);
    const std::uint32_t from_low = masks[c] == 0 ? 0 : masks[c] >> std::countr_zero(masks[c]);
    if ((from_low & (from_low + 1)) != 0) refuse(file, "a BMP whose colours are split into parts");
  }
  if (header.bits != 32) masks[3] = 0;  // as Pillow
  if (masks == Masks{}) return {usual[0], usual[1], usual[2], 0xff000000};
  return masks;
}

/// 3 bytes a colour, black where the file names fewer than its pixels could.
std::vector<std::uint8_t> read_palette(const BmpHeader& header, const EncodedImage& file) {
  const std::size_t entry = header.size == kOldHeader ? 3 : 4;
  const std::size_t begin = kFileHeader + header.size;
  const std::size_t most = std::size_t{1} << header.bits;
  const std::size_t colors = header.colors == 0 ? most : std::min(header.colors, most);
  if (begin + entry * colors > file.bytes.size()) {
    fail<DataError>("[image] {}: truncated BMP", file.name);
  }
  std::vector<std::uint8_t> palette(3 * most);
  for (std::size_t i = 0; i < colors; ++i) {
    const auto color = file.bytes.subspan(begin + entry * i, 3);  // blue, green, red
    std::reverse_copy(color.begin(), color.end(), palette.begin() + static_cast<long>(3 * i));
  }
  return palette;
}

/// The value of a field of up to 32 bits as one of 8; a field that is not there is 0.
std::uint8_t field_of(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t value = (pixel & mask) >> shift;
  return static_cast<std::uint8_t>(value * 255 / (mask >> shift));
}

void unpack_palette(std::span<const std::uint8_t> row, std::uint32_t bits,
                    std::span<const std::uint8_t> palette, std::span<std::uint8_t> out) {
  for (std::size_t x = 0; 3 * x < out.size(); ++x) {
    const std::size_t bit = x * bits;  // of a byte the highest bits come first
    const std::size_t index = row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
    std::copy_n(&palette[3 * index], 3, &out[3 * x]);
  }
}

/// The runs of 4 or 8 bits as an index a pixel, in the order of the file's rows. What a file skips
/// is 0.
class RunReader {
 public:
  RunReader(const BmpHeader& header, const EncodedImage& file)
      : file_(file),
        at_(std::min(header.pixels_at, file.bytes.size())),
        bits_(header.bits),
        width_(static_cast<std::size_t>(header.width)),
        pixels_(width_ * static_cast<std::size_t>(header.height)) {}

  std::vector<std::uint8_t> read() {
    constexpr std::uint8_t kEndOfRow = 0, kEnd = 1, kMove = 2;
    while (row_ + x_ < pixels_.size()) {
      const std::uint8_t count = next(), value = next();
      if (count > 0) {
        for (std::uint8_t i = 0; i < count; ++i) put(part_of(value, i));
      } else if (value == kEndOfRow) {
        go_to(0, row_ + width_);
      } else if (value == kEnd) {
        break;
      } else if (value == kMove) {
        const std::size_t right = next(), up = next();
        go_to(x_ + right, row_ + up * width_);
      } else {
        copy(value);
      }
    }
    return std::move(pixels_);
  }

 private:
  std::uint8_t next() {
    if (at_ >= file_.bytes.size()) fail<DataError>("[image] {}: truncated BMP", file_.name);
    return file_.bytes[at_++];
  }

  std::uint8_t part_of(std::uint8_t byte, std::size_t i) const {
    if (bits_ == 8) return byte;
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  }

  void put(std::uint8_t index) {
    if (x_ >= width_ || row_ >= pixels_.size()) leaves();
    pixels_[row_ + x_++] = index;
  }

  void go_to(std::size_t x, std::size_t row) {
    if (x > width_ || row > pixels_.size()) leaves();
    x_ = x;
    row_ = row;
  }

  /// As many pixels as they are, in whole words of 16 bits.
  void copy(std::size_t count) {
    const std::size_t bytes = bits_ == 8 ? count : (count + 1) / 2;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::uint8_t byte = next();
      put(part_of(byte, 0));
      if (bits_ == 4 && 2 * i + 1 < count) put(part_of(byte, 1));
    }
    if (bytes % 2 != 0) next();
  }

  [[noreturn]] void leaves() const {
    fail<DataError>("[image] {}: damaged BMP, a run leaves the image", file_.name);
  }

  const EncodedImage& file_;
  std::size_t at_;  ///< in the file
  std::uint32_t bits_;
  std::size_t width_;
  std::size_t x_ = 0, row_ = 0;  ///< of the next pixel; rows as what lies before them
  std::vector<std::uint8_t> pixels_;
};

void unpack_fields(std::span<const std::uint8_t> row, std::uint32_t bits, const Masks& masks,
                   std::int64_t channels, std::span<std::uint8_t> out) {
  const auto step = static_cast<std::size_t>(channels);
  for (std::size_t x = 0; step * x < out.size(); ++x) {
    const std::uint32_t pixel = little_endian(row, x * bits / 8, bits / 8);
    for (std::size_t c = 0; c < step; ++c) out[step * x + c] = field_of(pixel, masks[c]);
  }
}

}  // namespace

StoredImage decode_bmp(const EncodedImage& file) {
  BmpHeader header = read_header(file);
  const bool has_runs = header.compression == kRuns8 || header.compression == kRuns4;
  constexpr double kDensestRuns = 65536.0;  // pixels a byte; four bytes may skip 255 rows
  check_limits(file, header.height, header.width, 4, has_runs ? kDensestRuns : 0.0);
  const Masks masks = header.bits > 8 ? read_masks(header, file) : Masks{};
  const std::vector<std::uint8_t> palette =
      header.bits > 8 ? std::vector<std::uint8_t>() : read_palette(header, file);
  std::span<const std::uint8_t> stored_rows =
      file.bytes.subspan(std::min(header.pixels_at, file.bytes.size()));
  std::vector<std::uint8_t> indices;
  if (has_runs) {
    indices = RunReader(header, file).read();
    stored_rows = indices;
    header.bits = 8;
  }
  const auto width_bits = static_cast<std::size_t>(header.width) * header.bits;
  const std::size_t stride =
      has_runs ? static_cast<std::size_t>(header.width) : (width_bits + 31) / 32 * 4;
  const std::size_t needed =  // the last row may go without its padding
      stride * static_cast<std::size_t>(header.height - 1) + (width_bits + 7) / 8;
  if (needed > stored_rows.size()) {
    fail<DataError>("[image] {}: truncated BMP", file.name);
  }
  Image image{{header.height, header.width, masks[3] != 0 ? 4 : 3}, {}};
  image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
  const auto out_stride = static_cast<std::size_t>(image.shape.width * image.shape.channels);
  for (std::int64_t y = 0; y < header.height; ++y) {
    const std::int64_t stored = header.from_top ? y : header.height - 1 - y;
    const auto row =
        stored_rows.subspan(static_cast<std::size_t>(stored) * stride, (width_bits + 7) / 8);
    const auto out =
        std::span(image.pixels).subspan(static_cast<std::size_t>(y) * out_stride, out_stride);
    if (header.bits > 8) {
      unpack_fields(row, header.bits, masks, image.shape.channels, out);
    } else {
      unpack_palette(row, header.bits, palette, out);
    }
  }
  return {flatten(std::move(image), file.channels), 1};
}

}  // namespace tessera
