#include "core/rng.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

namespace tessera {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Philox4x32-10 as the paper states it (Salmon et al. 2011, section 4.3).
Words philox(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

TEST_CASE("the reference gives Random123's known answers") {
  constexpr std::uint32_t kOnes = 0xffffffffu;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("draws are those of Philox at the stated key and counter") {
  Rng zero(0, static_cast<Stream>(0), 0, 0);
  CHECK(zero.next() == 0x6627e8d5);
  CHECK(zero.next() == 0xe169c58d);
  CHECK(zero.next() == 0xbc57ac4c);
  CHECK(zero.next() == 0x9b00dbd8);
  Rng rng(0x123456789abcdef0u, Stream::kMix, 7, 1234567, 42);
  const std::uint32_t high = 0x12345678u ^ (6u << 24);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t word : philox({block, 42, 1234567, 7}, {0x9abcdef0u, high})) {
      CHECK(rng.next() == word);
    }
  }
}

TEST_CASE("each part of the address gives other draws") {
  const auto first = [](std::uint64_t seed, Stream stream, std::uint64_t epoch,
                        std::uint64_t sample, std::uint32_t draw) {
    Rng rng(seed, stream, epoch, sample, draw);
    return (std::uint64_t{rng.next()} << 32) | rng.next();
  };
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::uint64_t seed : {0, 1}) {
    for (const Stream stream : {Stream::kInit, Stream::kDropout, Stream::kSynthetic}) {
      for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
        for (std::uint64_t sample = 0; sample < 5; ++sample) {
          for (std::uint32_t draw = 0; draw < 5; ++draw, ++count) {
            seen.insert(first(seed, stream, epoch, sample, draw));
          }
        }
      }
    }
  }
  CHECK(seen.size() == count);
}

TEST_CASE("neighbouring addresses are uncorrelated") {
  Rng a(1, Stream::kDropout, 0, 0, 0), b(1, Stream::kDropout, 0, 0, 1);
  double sum = 0.0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    sum += (static_cast<double>(a.uniform()) - 0.5) * (static_cast<double>(b.uniform()) - 0.5);
  }
  CHECK(std::abs(sum / kDraws * 12.0) < 5.0 / std::sqrt(kDraws));
}

TEST_CASE("uniform stays in its range and has its mean") {
  Rng rng(3, Stream::kSynthetic, 0, 0);
  double sum = 0.0;
  for (int i = 0; i < 100000; ++i) {
    const float value = rng.uniform();
    REQUIRE(value >= 0.0f);
    REQUIRE(value < 1.0f);
    sum += static_cast<double>(value);
  }
  CHECK(sum / 1e5 == doctest::Approx(0.5).epsilon(0.01));
  const float scaled = rng.uniform(-3.0f, -2.0f);
  CHECK(scaled >= -3.0f);
  CHECK(scaled < -2.0f);
}

TEST_CASE("below is unbiased and stays below") {
  Rng rng(4, Stream::kShuffle, 0, 0);
  for (const std::uint32_t bound : {1u, 2u, 3u, 10u, 7919u}) {
    for (int i = 0; i < 1000; ++i) REQUIRE(rng.below(bound) < bound);
  }
  // Taken modulo 3 * 2^30, a third of all 32-bit draws would fall twice on the lower third.
  constexpr std::uint32_t kBound = 3u << 30;
  int lower = 0;
  for (int i = 0; i < 30000; ++i) lower += rng.below(kBound) < (1u << 30) ? 1 : 0;
  CHECK(std::abs(lower - 10000) < 5 * 82);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[rng.below(6)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 5 * 92);
}

TEST_CASE("normal has mean 0 and variance 1") {
  Rng rng(5, Stream::kInit, 0, 0);
  double sum = 0.0, squares = 0.0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = static_cast<double>(rng.normal());
    sum += value;
    squares += value * value;
  }
  CHECK(std::abs(sum / kDraws) < 5.0 / std::sqrt(kDraws));
  CHECK(squares / kDraws == doctest::Approx(1.0).epsilon(0.02));
}

TEST_CASE("a truncated normal is cut at -2 and 2, whatever its sigma, and has its moments") {
  // Moments of the cut normal: its variance is sigma^2 (1 - 2 a p(a) / (2 P(a) - 1)) with a = 2 /
  // sigma, the density p and distribution P of the normal; its fourth by numerical integration.
  const auto moment = [](double sigma, int power) {
    double sum = 0.0, weight = 0.0;
    for (int i = 0; i < 400000; ++i) {
      const double x = -2.0 + (i + 0.5) * 1e-5;
      const double p = std::exp(-0.5 * x * x / (sigma * sigma));
      sum += p * std::pow(x, power);
      weight += p;
    }
    return sum / weight;
  };
  CHECK(std::sqrt(moment(0.02, 2)) == doctest::Approx(0.02).epsilon(1e-6));
  CHECK(moment(2.0, 2) == doctest::Approx(4.0 * 0.29112).epsilon(1e-4));
  constexpr int kDraws = 200000;
  for (const double sigma : {0.02, 0.5, 1.0, 2.0, 2.5, 1e6}) {
    CAPTURE(sigma);
    Rng rng(6, Stream::kInit, 0, 0);
    double sum = 0.0, squares = 0.0, fourth = 0.0, largest = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const double value = static_cast<double>(rng.truncated_normal(static_cast<float>(sigma)));
      sum += value;
      squares += value * value;
      fourth += value * value * value * value;
      largest = std::max(largest, std::abs(value));
    }
    const double variance = moment(sigma, 2);
    CHECK(std::abs(sum / kDraws) < 5.0 * std::sqrt(variance / kDraws));
    CHECK(squares / kDraws == doctest::Approx(variance).epsilon(0.02));
    CHECK(fourth / kDraws == doctest::Approx(moment(sigma, 4)).epsilon(0.05));
    CHECK(largest <= 2.0);
    CHECK(largest > std::min(1.99, 4.0 * sigma));
  }
}

}  // namespace
}  // namespace tessera
