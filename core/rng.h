// Counter-based random numbers: any draw can be computed from its address alone, so results depend
// neither on threads nor on where a run was resumed. Philox4x32-10, Salmon et al. 2011 (Random123).
#pragma once

#include <array>
#include <cstdint>

namespace tessera {

/// What a sequence of draws is for. Streams of one seed are independent of each other.
enum class Stream : std::uint32_t {
  kInit = 1,
  kShuffle = 2,
  kAugment = 3,
  kDropPath = 4,
  kDropout = 5,
  kMix = 6,
  kSynthetic = 7,
};

/// The draws of one (seed, stream, epoch, sample); `draw` separates those of several users at
/// that address, such as the drop path of two layers.
class Rng {
 public:
  Rng(std::uint64_t seed, Stream stream, std::uint64_t epoch, std::uint64_t sample,
      std::uint32_t draw = 0);

  std::uint32_t next();

  /// Uniform in [0, 1), 24 bits.
  float uniform();
  float uniform(float low, float high);

  /// Uniform integer in [0, bound), bound >= 1; unbiased.
  std::uint32_t below(std::uint32_t bound);

  /// Standard normal (Box-Muller).
  float normal();

  /// Normal with mean 0 and `sigma` > 0, cut at -2 and 2: the bounds are absolute, as those of timm
  /// and of the official Swin code, so that a sigma of 0.02 is that of what is drawn.
  float truncated_normal(float sigma);

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace tessera
