// Masks want indices where images want colours, so they have a decoder of their own on libspng.
#include <spng.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "data/images/decoders.h"
#include "data/images/image.h"
#include "data/images/image_format.h"
#include "files/file.h"

namespace tessera {
namespace {

void check(int error, std::string_view name) {
  if (error != 0) fail<DataError>("[mask] {}: damaged PNG: {}", name, spng_strerror(error));
}

void check_kind(const spng_ihdr& header, std::string_view name) {
  const bool single = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE ||
                      header.color_type == SPNG_COLOR_TYPE_INDEXED;
  if (!single) {
    fail<DataError>(
        "[mask] {}: its pixels are colours ({}); a mask is grey or has a palette, and the value or "
        "index of a pixel is its class",
        name,
        header.color_type == SPNG_COLOR_TYPE_TRUECOLOR         ? "RGB"
        : header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ? "RGBA"
                                                               : "grey with alpha");
  }
  if (header.bit_depth > 8) {
    fail<DataError>("[mask] {}: {} bits a pixel; a mask has at most 8", name, header.bit_depth);
  }
}

/// Rows of packed pixels of `bits` each, the first in the highest bits, each row in whole bytes ->
/// one byte a pixel.
std::vector<std::uint8_t> unpack(const std::vector<std::uint8_t>& packed, std::int64_t height,
                                 std::int64_t width, int bits) {
  const std::int64_t row_bytes = (width * bits + 7) / 8;
  std::vector<std::uint8_t> values(static_cast<std::size_t>(height * width));
  const unsigned mask = (1u << static_cast<unsigned>(bits)) - 1u;
  std::size_t at = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    const std::uint8_t* row = packed.data() + y * row_bytes;
    for (std::int64_t x = 0; x < width; ++x) {
      const auto shift = static_cast<unsigned>(8 - bits - (x * bits) % 8);
      values[at++] = static_cast<std::uint8_t>((row[x * bits / 8] >> shift) & mask);
    }
  }
  return values;
}

}  // namespace

Image decode_mask_png(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (!is_png(bytes)) {
    fail<DataError>("[mask] {}: is no PNG; a mask must be one, so that its pixels keep their value",
                    name);
  }
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  if (!context) throw std::bad_alloc();
  check(spng_set_crc_action(context.get(), SPNG_CRC_ERROR, SPNG_CRC_ERROR), name);
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), name);
  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header), name);
  check_kind(header, name);
  // Deflate makes at most 1032 bytes of one.
  check_limits({.bytes = bytes, .name = name, .at_least = {}}, header.height, header.width, 1,
               1032.0 * 8.0 / header.bit_depth);
  std::size_t size = 0;
  check(spng_decoded_image_size(context.get(), SPNG_FMT_RAW, &size), name);
  std::vector<std::uint8_t> values(size);
  check(spng_decode_image(context.get(), values.data(), size, SPNG_FMT_RAW, 0), name);
  check(spng_decode_chunks(context.get()), name);  // to the end of the file
  // The library does not miss the checksum of the last chunk.
  constexpr std::string_view kEnd = "IEND\xae\x42\x60\x82";
  const auto end =
      std::search(bytes.begin(), bytes.end(), kEnd.begin(), kEnd.end(),
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
  if (end == bytes.end()) fail<DataError>("[mask] {}: truncated PNG", name);
  if (header.bit_depth < 8) {
    values = unpack(values, header.height, header.width, header.bit_depth);
  }
  spng_exif exif{};
  const int orientation =
      spng_get_exif(context.get(), &exif) == SPNG_OK
          ? exif_orientation({reinterpret_cast<std::uint8_t*>(exif.data), exif.length})
          : 1;
  return upright({{header.height, header.width, 1}, std::move(values)}, orientation);
}

Image load_mask_png(const std::filesystem::path& path) {
  return decode_mask_png(read_file(path, static_cast<std::size_t>(kMaxImageBytes)), path.string());
}

}  // namespace tessera
