// The only place that knows stb_image.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "data/images/decoders.h"

namespace {

/// stb_image inflates whatever a file holds: no block of it may be larger than this.
thread_local std::size_t largest_block = 0;
thread_local bool block_refused = false;

void* allocate(void* block, std::size_t size) {
  if (size > largest_block) {
    block_refused = true;
    return nullptr;
  }
  return std::realloc(block, size);
}

}  // namespace

#define STBI_MALLOC(size) allocate(nullptr, size)
#define STBI_REALLOC(block, size) allocate(block, size)
#define STBI_FREE(block) std::free(block)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // fields for reading by callbacks: unused
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace tessera {
namespace {

/// [.., channels + 1] -> [.., channels]
void blend_over_white(const std::uint8_t* from, std::int64_t channels,
                      std::vector<std::uint8_t>& out) {
  const auto step = static_cast<std::size_t>(channels);
  for (std::size_t at = 0; at < out.size(); at += step, from += step + 1) {
    const int alpha = from[step];
    for (std::size_t c = 0; c < step; ++c) {
      out[at + c] = static_cast<std::uint8_t>((from[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
}

}  // namespace

Image decode_with_stb(std::span<const std::uint8_t> bytes, const ImageHeader& header,
                      std::string_view name, std::int64_t channels) {
  // Twice the pixels: coefficients of progressive JPEG have 2 bytes; the rest for padded edges.
  largest_block =
      2 * static_cast<std::size_t>(header.height * header.width * header.bytes_per_pixel) +
      2 * bytes.size() + (std::size_t{4} << 20);
  block_refused = false;
  int width = 0, height = 0, in_file = 0;
  const std::int64_t decoded = channels + (header.may_have_alpha ? 1 : 0);
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &in_file,
                            static_cast<int>(decoded)),
      stbi_image_free);
  if (block_refused) {
    fail<DataError>("[image] {}: damaged {}, holds more than {} x {} pixels", name,
                    format_name(header.format), header.height, header.width);
  }
  if (!pixels) {
    fail<DataError>("[image] {}: damaged {}: {}", name, format_name(header.format),
                    stbi_failure_reason());
  }
  if (width != header.width || height != header.height) {
    fail<DataError>("[image] {}: damaged {}, two sizes: {} x {} and {} x {} pixels", name,
                    format_name(header.format), header.height, header.width, height, width);
  }
  Image image{{height, width, channels}, {}};
  if (header.may_have_alpha) {
    image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
    blend_over_white(pixels.get(), channels, image.pixels);
  } else {
    image.pixels.assign(pixels.get(), pixels.get() + image.shape.numel());
  }
  return image;
}

}  // namespace tessera
