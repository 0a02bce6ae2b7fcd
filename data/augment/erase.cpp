#include "data/augment/erase.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tessera {
namespace {

// Share of the area, and height to width, log-uniform.
constexpr float kAreaMin = 0.02f;
constexpr float kAreaMax = 1.0f / 3.0f;
constexpr float kAspect = 3.3f;
constexpr int kAttempts = 10;

}  // namespace

void random_erase(const ImageShape& shape, const AugmentConfig& config, Rng& rng, float* values) {
  if (double{rng.uniform()} >= config.erase) return;
  const auto area = static_cast<float>(shape.height * shape.width);
  const float log_aspect = std::log(kAspect);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const float target = area * rng.uniform(kAreaMin, kAreaMax);
    const float aspect = std::exp(rng.uniform(-log_aspect, log_aspect));
    const std::int64_t height = std::lround(std::sqrt(target * aspect));
    const std::int64_t width = std::lround(std::sqrt(target / aspect));
    if (height < 1 || width < 1 || height >= shape.height || width >= shape.width) continue;
    const std::int64_t top = rng.below(static_cast<std::uint32_t>(shape.height - height + 1));
    const std::int64_t left = rng.below(static_cast<std::uint32_t>(shape.width - width + 1));
    for (std::int64_t y = top; y < top + height; ++y) {
      float* row = values + (y * shape.width + left) * shape.channels;
      std::generate_n(row, width * shape.channels,
                      [&] { return config.erase_mode == EraseMode::kPixel ? rng.normal() : 0.0f; });
    }
    return;
  }
}

}  // namespace tessera
