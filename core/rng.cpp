#include "core/rng.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace tessera {

// Key: seed and stream. Counter: draw block, draw and sample (mixed), epoch. Seeds and samples use
// 32 bits each; epochs (or steps) 32.
Rng::Rng(std::uint64_t seed, Stream stream, std::uint64_t epoch, std::uint64_t sample,
         std::uint32_t draw)
    : key_{static_cast<std::uint32_t>(seed),
           static_cast<std::uint32_t>(seed >> 32) ^ (static_cast<std::uint32_t>(stream) << 24)},
      counter_{0, draw, static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(epoch)} {}

std::uint32_t Rng::next() {
  if (used_ == 4) {
    const r123::Philox4x32::ctr_type counter = {
        {counter_[0], counter_[1], counter_[2], counter_[3]}};
    const r123::Philox4x32::key_type key = {{key_[0], key_[1]}};
    const auto result = r123::Philox4x32{}(counter, key);
    block_ = {result[0], result[1], result[2], result[3]};
    ++counter_[0];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

float Rng::uniform() { return static_cast<float>(next() >> 8) * 0x1p-24f; }

float Rng::uniform(float low, float high) { return low + (high - low) * uniform(); }

std::uint32_t Rng::below(std::uint32_t bound) {
  // Lemire 2019 (arXiv:1805.10941): multiply, and reject the few values that would bias.
  const std::uint32_t threshold = (0u - bound) % bound;
  for (;;) {
    const std::uint64_t product = std::uint64_t{next()} * bound;
    if (static_cast<std::uint32_t>(product) >= threshold) {
      return static_cast<std::uint32_t>(product >> 32);
    }
  }
}

float Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log((next() + 1.0) * 0x1p-32));
  return static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * next() * 0x1p-32));
}

float Rng::truncated_normal(float sigma) {
  constexpr float kBound = 2.0f;
  for (;;) {
    if (sigma <= kBound) {
      const float value = sigma * normal();
      if (std::abs(value) <= kBound) return value;
    } else {  // of a wide normal too few draws lie within: thin out uniform ones instead
      const float value = uniform(-kBound, kBound);
      if (uniform() <= std::exp(-0.5f * (value / sigma) * (value / sigma))) return value;
    }
  }
}

}  // namespace tessera
