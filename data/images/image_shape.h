// The shape of one image.
#pragma once

#include <cstdint>

namespace tessera {

struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;

  std::int64_t numel() const { return height * width * channels; }
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

}  // namespace tessera
