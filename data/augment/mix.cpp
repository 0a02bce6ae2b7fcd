#include "data/augment/mix.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tessera {
namespace {

/// The logarithm of a draw from the gamma distribution of that shape and scale 1: Marsaglia and
/// Tsang 2000, and below shape 1 their relation to shape + 1. Draws of a small shape are smaller
/// than any number but zero; their logarithms are not.
double log_gamma(double shape, Rng& rng) {
  const auto positive = [&] { return 1.0 - double{rng.uniform()}; };  // in (0, 1]
  if (shape < 1.0) {
    const double larger = log_gamma(shape + 1.0, rng);
    return larger + std::log(positive()) / shape;
  }
  const double d = shape - 1.0 / 3.0;
  for (;;) {
    const double x = double{rng.normal()};
    const double root = 1.0 + x / std::sqrt(9.0 * d);
    const double v = root * root * root;
    if (v > 0.0 && std::log(positive()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return std::log(d * v);
    }
  }
}

double symmetric_beta(double alpha, Rng& rng) {
  constexpr double kSmallest = 1e-300;  // below it the logarithms overflow
  const double shape = std::max(alpha, kSmallest);
  const double a = log_gamma(shape, rng), b = log_gamma(shape, rng);
  return 1.0 / (1.0 + std::exp(b - a));  // a / (a + b)
}

/// Calls `body(first, second)` with the rows [height, width * channels] of every pair of images.
template <typename Body>
void for_each_pair(const Tensor& images, const Body& body) {
  const std::int64_t batch = images.dim(0), numel = images.numel() / batch;
  for (std::int64_t i = 0; i < batch / 2; ++i) {
    body(images.f32() + i * numel, images.f32() + (batch - 1 - i) * numel);
  }
}

float mixup(const Tensor& images, double alpha, Rng& rng) {
  const auto share = static_cast<float>(symmetric_beta(alpha, rng));
  const std::int64_t numel = images.numel() / images.dim(0);
  for_each_pair(images, [&](float* first, float* second) {
    for (std::int64_t i = 0; i < numel; ++i) {
      const float a = first[i], b = second[i];
      first[i] = share * a + (1.0f - share) * b;
      second[i] = share * b + (1.0f - share) * a;
    }
  });
  return share;
}

float cutmix(const Tensor& images, double alpha, Rng& rng) {
  const std::int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  const double side = std::sqrt(1.0 - symmetric_beta(alpha, rng));
  const auto rows = static_cast<std::int64_t>(static_cast<double>(height) * side);
  const auto columns = static_cast<std::int64_t>(static_cast<double>(width) * side);
  // The middle is anywhere, so the box may be cut by the border.
  const std::int64_t y = rng.below(static_cast<std::uint32_t>(height));
  const std::int64_t x = rng.below(static_cast<std::uint32_t>(width));
  const std::int64_t top = std::clamp<std::int64_t>(y - rows / 2, 0, height);
  const std::int64_t bottom = std::clamp<std::int64_t>(y + rows / 2, 0, height);
  const std::int64_t left = std::clamp<std::int64_t>(x - columns / 2, 0, width);
  const std::int64_t right = std::clamp<std::int64_t>(x + columns / 2, 0, width);
  for_each_pair(images, [&](float* first, float* second) {
    for (std::int64_t row = top; row < bottom; ++row) {
      const std::int64_t begin = (row * width + left) * channels;
      const std::int64_t end = (row * width + right) * channels;
      std::swap_ranges(first + begin, first + end, second + begin);
    }
  });
  return 1.0f -
         static_cast<float>((bottom - top) * (right - left)) / static_cast<float>(height * width);
}

}  // namespace

float mix_images(const Tensor& images, const AugmentConfig& config, Rng& rng) {
  if (!config.mixes() || double{rng.uniform()} >= config.mix_probability) return 1.0f;
  const bool both = config.mixup > 0.0 && config.cutmix > 0.0;
  const bool cut = both ? double{rng.uniform()} < config.mix_switch : config.cutmix > 0.0;
  return cut ? cutmix(images, config.cutmix, rng) : mixup(images, config.mixup, rng);
}

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
