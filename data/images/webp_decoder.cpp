// The only place that knows libwebp.
#include <webp/decode.h>

#include <utility>

#include "core/error.h"
#include "data/images/decoders.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

constexpr std::size_t kFirstChunk = 12;  // after RIFF, the size of the rest, WEBP

void check(VP8StatusCode status, const EncodedImage& file) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      fail<DataError>("[image] {}: truncated WebP", file.name);
    case VP8_STATUS_OUT_OF_MEMORY:
      throw std::bad_alloc();
    default:
      fail<DataError>("[image] {}: damaged WebP", file.name);
  }
}

/// The orientation in the chunk EXIF of the container. A chunk is a type, a length and data, which
/// are padded to an even length.
int orientation_of(std::span<const std::uint8_t> bytes) {
  for (std::size_t at = kFirstChunk; bytes.size() - at >= 8;) {
    const std::size_t length = little_endian(bytes, at + 4, 4);
    if (length > bytes.size() - at - 8) return 1;
    const auto data = bytes.subspan(at + 8, length);
    if (big_endian(bytes, at, 4) == 0x45584946) return exif_orientation(data);
    at += 8 + std::min(length + length % 2, bytes.size() - at - 8);
  }
  return 1;
}

}  // namespace

StoredImage decode_webp(const EncodedImage& file) {
  const std::span<const std::uint8_t> bytes = file.bytes;
  if (bytes.size() < kFirstChunk || little_endian(bytes, 4, 4) > bytes.size() - 8) {
    fail<DataError>("[image] {}: truncated WebP", file.name);
  }
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    fail<DataError>("[image] {}: libwebp is another version than this program was built for",
                    file.name);
  }
  check(WebPGetFeatures(bytes.data(), bytes.size(), &config.input), file);
  if (config.input.has_animation != 0) {
    fail<DataError>("[image] {}: is an animated WebP, which is not read: save one picture of it",
                    file.name);
  }
  check_limits(file, config.input.height, config.input.width, 4, 0.0);
  const std::int64_t channels = config.input.has_alpha != 0 ? 4 : 3;
  Image image{{config.input.height, config.input.width, channels}, {}};
  image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
  config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(image.shape.width * channels);
  config.output.u.RGBA.size = image.pixels.size();
  check(WebPDecode(bytes.data(), bytes.size(), &config), file);
  return {flatten(std::move(image), file.channels), orientation_of(bytes)};
}

}  // namespace tessera
