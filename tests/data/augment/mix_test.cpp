#include "data/augment/mix.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace tessera {
namespace {

/// Every pixel of image i is i.
Tensor numbered_images(std::int64_t batch, std::int64_t height, std::int64_t width) {
  const Tensor images = Tensor::empty({batch, height, width, 3});
  const std::int64_t numel = height * width * 3;
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    images.f32()[i] = static_cast<float>(i / numel);
  }
  return images;
}

Rng mix_draws(std::uint64_t batch) { return Rng(3, Stream::kMix, 0, batch); }

TEST_CASE("mix: mixup blends an image with its partner by the share it returns") {
  AugmentConfig config;
  config.mixup = 0.8;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Tensor images = numbered_images(5, 4, 6);
    Rng rng = mix_draws(i);
    const float share = mix_images(images, config, rng);
    REQUIRE(share >= 0.0f);
    REQUIRE(share <= 1.0f);
    for (std::int64_t at = 0; at < images.numel(); ++at) {
      const float own = static_cast<float>(at / 72), other = 4.0f - own;
      CHECK(images.f32()[at] == doctest::Approx(share * own + (1.0f - share) * other));
    }
  }
}

TEST_CASE("mix: cutmix exchanges a box of the area it returns") {
  AugmentConfig config;
  config.cutmix = 1.0;
  bool whole = false, cut = false;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Tensor images = numbered_images(4, 9, 7);
    Rng rng = mix_draws(i);
    const float share = mix_images(images, config, rng);
    for (std::int64_t b = 0; b < 4; ++b) {
      std::int64_t own = 0, other = 0;
      for (std::int64_t at = 0; at < 189; ++at) {
        const float value = images.f32()[b * 189 + at];
        own += value == static_cast<float>(b) ? 1 : 0;
        other += value == static_cast<float>(3 - b) ? 1 : 0;
      }
      REQUIRE(own + other == 189);
      CHECK(static_cast<float>(own) / 189.0f == doctest::Approx(share));
      (other == 0 ? whole : cut) = true;
    }
  }
  CHECK(cut);
  CHECK(whole);  // a box of less than two pixels a side is none
}

TEST_CASE("mix: shares follow the Beta distribution, switching and probability what was asked") {
  const auto mean_and_variance = [](double alpha) {
    AugmentConfig config;
    config.mixup = alpha;
    double sum = 0.0, squares = 0.0;
    constexpr int kDraws = 4000;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      Rng rng = mix_draws(i);
      const auto share = static_cast<double>(mix_images(numbered_images(2, 1, 1), config, rng));
      sum += share;
      squares += share * share;
    }
    const double mean = sum / kDraws;
    return std::pair{mean, squares / kDraws - mean * mean};
  };
  for (const double alpha : {0.2, 0.8, 1.0, 4.0}) {
    CAPTURE(alpha);
    const auto [mean, variance] = mean_and_variance(alpha);
    CHECK(std::abs(mean - 0.5) < 0.02);
    CHECK(std::abs(variance - 1.0 / (4.0 * (2.0 * alpha + 1.0))) < 0.01);
  }
  // Of a tiny alpha nearly all shares are 0 or 1, and as many the one as the other.
  for (const double alpha : {1e-3, 1e-12, 1e-310}) {
    CAPTURE(alpha);
    const auto [mean, variance] = mean_and_variance(alpha);
    CHECK(std::abs(mean - 0.5) < 0.03);
    CHECK(variance > 0.245);
  }
  AugmentConfig config;
  config.mixup = config.cutmix = 1.0;
  config.mix_probability = 0.75;
  config.mix_switch = 0.25;
  int none = 0, cut = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Tensor images = numbered_images(2, 8, 8);
    Rng rng = mix_draws(i);
    const float share = mix_images(images, config, rng);
    const bool whole = images.f32()[0] == std::round(images.f32()[0]);
    none += share == 1.0f ? 1 : 0;
    cut += share < 1.0f && whole ? 1 : 0;
  }
  CHECK(none > 450);  // 500, and boxes of no area
  CHECK(none < 620);
  CHECK(cut > 270);  // 375 less those
  CHECK(cut < 420);
}

TEST_CASE("mix: off, and a batch of one") {
  const Tensor images = numbered_images(3, 2, 2);
  Rng rng = mix_draws(0);
  CHECK(mix_images(images, {}, rng) == 1.0f);
  AugmentConfig config;
  config.mixup = 1.0;
  const Tensor one = numbered_images(1, 2, 2);
  mix_images(one, config, rng);
  CHECK(one.f32()[0] == 0.0f);
}

}  // namespace
}  // namespace tessera
