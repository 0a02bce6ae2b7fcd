// The only place that knows libspng.
#include <spng.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/error.h"
#include "data/images/decoders.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxChunkBytes = std::size_t{64} << 20;  // of texts and profiles

struct Free {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, Free>;

void check(int result, const EncodedImage& file) {
  switch (result) {
    case SPNG_OK:
      return;
    case SPNG_IO_EOF:
    case SPNG_EOF:
      fail<DataError>("[image] {}: truncated PNG", file.name);
    case SPNG_ECHUNK_CRC:
      fail<DataError>("[image] {}: damaged PNG, wrong checksum of a chunk", file.name);
    default:
      fail<DataError>("[image] {}: damaged PNG: {}", file.name, spng_strerror(result));
  }
}

/// Bits of a pixel; color types: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
std::int64_t bits_of(const spng_ihdr& header) {
  const int samples = (header.color_type & 2) != 0 && header.color_type != 3 ? 3 : 1;
  return (samples + (header.color_type & 4) / 4) * header.bit_depth;
}

}  // namespace

StoredImage decode_png(const EncodedImage& file) {
  const Context context(spng_ctx_new(0));
  if (!context) throw std::bad_alloc();
  check(spng_set_crc_action(context.get(), SPNG_CRC_ERROR, SPNG_CRC_ERROR), file);
  check(spng_set_chunk_limits(context.get(), kMaxChunkBytes, kMaxChunkBytes), file);
  check(spng_set_png_buffer(context.get(), file.bytes.data(), file.bytes.size()), file);
  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header), file);
  // Deflate makes at most 1032 bytes of one.
  const double densest = 1032.0 * 8.0 / static_cast<double>(bits_of(header));
  check_limits(file, header.height, header.width, 4, densest);

  spng_trns transparency{};
  const int found = spng_get_trns(context.get(), &transparency);
  if (found != SPNG_ECHUNKAVAIL) check(found, file);
  const bool has_alpha = found == SPNG_OK || (header.color_type & 4) != 0;
  Image image{{header.height, header.width, has_alpha ? 4 : 3}, {}};
  image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
  check(spng_decode_image(context.get(), image.pixels.data(), image.pixels.size(),
                          has_alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8, SPNG_DECODE_TRNS),
        file);
  check(spng_decode_chunks(context.get()), file);  // to the end of the file
  spng_exif exif{};
  const int orientation =
      spng_get_exif(context.get(), &exif) == SPNG_OK
          ? exif_orientation({reinterpret_cast<std::uint8_t*>(exif.data), exif.length})
          : 1;
  return {flatten(std::move(image), file.channels), orientation};
}

}  // namespace tessera
