// Compiled where there is no libjpeg-turbo: stb_image decodes everything.
#include "data/images/decoders.h"

namespace tessera {

std::string_view jpeg_decoder() { return "stb_image"; }

std::optional<Image> decode_with_turbo(std::span<const std::uint8_t>, const ImageHeader&,
                                       std::string_view, std::int64_t, const ImageSize&) {
  return std::nullopt;
}

}  // namespace tessera
