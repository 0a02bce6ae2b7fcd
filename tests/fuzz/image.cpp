// Any bytes are an image, whole and scaled down, or a DataError.
#include "data/images/image.h"

#include <zlib.h>

#include <cstdlib>

#include "core/error.h"
#include "data/images/decoders.h"

namespace {

void use(const tessera::Image& image) {
  if (static_cast<std::int64_t>(image.pixels.size()) != image.shape.numel()) std::abort();
}

/// Rights the checksums of a PNG's chunks, which would stop most inputs before they are decoded.
void right_checksums(std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < 8 || bytes[0] != 0x89) return;
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = tessera::big_endian(bytes, at, 4);
    if (length > bytes.size() - at - 12) return;
    const auto crc = crc32(0, &bytes[at + 4], static_cast<unsigned>(4 + length));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    }
    at += 12 + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block of exactly this size: the sanitizer sees any step beyond it.
  std::vector<std::uint8_t> bytes(data, data + size);
  right_checksums(bytes);
  const std::int64_t channels = size % 2 == 0 ? 3 : 1;
  for (const tessera::ImageSize at_least : {tessera::ImageSize{}, tessera::ImageSize{20, 20}}) {
    try {
      use(tessera::decode_image(bytes, "f", channels, at_least));
    } catch (const tessera::DataError&) {
    }
  }
  try {
    use(tessera::decode_mask_png(bytes, "f"));
  } catch (const tessera::DataError&) {
  }
  return 0;
}
