// From the pixels of one sample to what a network sees: augmented and normalised f32.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/data_config.h"
#include "data/dataset_info.h"

namespace tessera {

/// Thread-safe after construction.
class Transform {
 public:
  /// Throws ConfigError if mean and std are not one a channel, or the augmentation is impossible.
  Transform(const ImageShape& shape, const Normalization& normalization,
            const AugmentConfig& augment);

  /// `out[h, w, c] = (pixels[h, w, c] / 255 - mean[c]) / std[c]`.
  void normalize(std::span<const std::uint8_t> pixels, float* out) const;

  /// Crops at a random place of the zero-padded image, flips with probability 1/2, normalises and
  /// erases a random rectangle to 0 (the mean colour), as configured. The draws of `rng` are
  /// taken in this order, and only for what is switched on.
  void augment(std::span<const std::uint8_t> pixels, Rng& rng, float* out) const;

 private:
  void random_erase(Rng& rng, float* out) const;

  ImageShape shape_;
  AugmentConfig augment_;
  std::vector<float> scale_;  ///< [W, C]: the channel's factor repeated, so that a row is one pass
  std::vector<float> shift_;  ///< [W, C]
};

}  // namespace tessera
