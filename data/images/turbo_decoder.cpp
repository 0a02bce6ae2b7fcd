// The only place that knows libjpeg-turbo; compiled where CMake finds it.
#include <turbojpeg.h>

#include <memory>
#include <string_view>

#include "core/error.h"
#include "data/images/decoders.h"

namespace tessera {
namespace {

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

/// 1, 2, 4 or 8: the library has fast transforms for these.
int largest_divisor(const ImageHeader& header, const ImageSize& at_least) {
  if (at_least.height <= 0 || at_least.width <= 0) return 1;
  const bool turned = header.orientation >= 5;
  const std::int64_t height = turned ? at_least.width : at_least.height;
  const std::int64_t width = turned ? at_least.height : at_least.width;
  int divisor = 8;
  while (divisor > 1 && (header.height < divisor * height || header.width < divisor * width)) {
    divisor /= 2;
  }
  return divisor;
}

/// Warnings about what stands between the parts of a file; its pixels are whole.
bool is_harmless(std::string_view warning) {
  for (const std::string_view part : {"extraneous bytes", "JFIF revision", "Adobe color transform",
                                      "Unrecognized component IDs"}) {
    if (warning.find(part) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string_view jpeg_decoder() { return "libjpeg-turbo"; }

std::optional<Image> decode_with_turbo(std::span<const std::uint8_t> bytes,
                                       const ImageHeader& header, std::string_view name,
                                       std::int64_t channels, const ImageSize& at_least) {
  const Handle handle(tjInitDecompress());
  if (!handle) return std::nullopt;
  const auto size = static_cast<unsigned long>(bytes.size());
  int width = 0, height = 0, subsampling = 0, colors = 0;
  if (tjDecompressHeader3(handle.get(), bytes.data(), size, &width, &height, &subsampling,
                          &colors) != 0 ||
      width != header.width || height != header.height || colors == TJCS_CMYK ||
      colors == TJCS_YCCK) {
    return std::nullopt;
  }
  const int divisor = largest_divisor(header, at_least);
  Image image{{(height + divisor - 1) / divisor, (width + divisor - 1) / divisor, channels}, {}};
  image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
  const int result =
      tjDecompress2(handle.get(), bytes.data(), size, image.pixels.data(),
                    static_cast<int>(image.shape.width), 0, static_cast<int>(image.shape.height),
                    channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT);
  if (result != 0) {
    if (tjGetErrorCode(handle.get()) == TJERR_FATAL) return std::nullopt;
    const std::string_view warning = tjGetErrorStr2(handle.get());
    if (!is_harmless(warning)) fail<DataError>("[image] {}: damaged JPEG: {}", name, warning);
  }
  return image;
}

}  // namespace tessera
