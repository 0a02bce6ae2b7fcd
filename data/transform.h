// From the pixels of one sample to what a network sees: augmented and normalised f32.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/data_config.h"
#include "data/dataset_info.h"
#include "data/images/image.h"

namespace tessera {

/// `image` at the size of `shape`: scaled until it just covers `shape` / `test_crop`, of which the
/// middle is taken; as it is if it has that size and `test_crop` is 1. What evaluation, prediction
/// and pictures share.
Image fit(const ImageView& image, const ImageShape& shape, const ResizeConfig& config);

/// Scaled until it just covers `shape` / `test_crop`, or as it is if it is smaller: all that `fit`
/// needs, and gives the same with.
Image shrink(Image image, const ImageShape& shape, const ResizeConfig& config);

/// Twice the pixels that scaling to `shape` leaves of an image of which a part of side `seen`
/// (0..1) is shown: from as many, or from all of a larger one, it makes the same but for a level or
/// two, and a JPEG is decoded much faster.
ImageSize enough_pixels(const ImageShape& shape, double seen);

/// Thread-safe after construction.
class Transform {
 public:
  /// To images of `shape`. Throws ConfigError if mean and std are not one a channel, or the
  /// augmentation is impossible.
  Transform(const ImageShape& shape, const Normalization& normalization,
            const AugmentConfig& augment, const ResizeConfig& resize = {});

  /// What testing sees of an image: fitted, and `out[h, w, c] = (pixels[h, w, c] / 255 - mean[c]) /
  /// std[c]`.
  void normalize(const ImageView& image, float* out) const;

  /// What training sees of an image: fitted, or a random crop, flip, policy and jitter of colours
  /// on the pixels; normalised; a random rectangle erased. The draws of `rng` are taken in the
  /// order of AugmentConfig, and only for what is switched on.
  void augment(const ImageView& image, Rng& rng, float* out) const;

 private:
  void scale(std::span<const std::uint8_t> pixels, float* out) const;

  ImageShape shape_;
  AugmentConfig augment_;
  ResizeConfig resize_;
  std::vector<float> scale_;  ///< [W, C]: the channel's factor repeated, so that a row is one pass
  std::vector<float> shift_;  ///< [W, C]
  std::vector<std::uint8_t> mean_colour_;  ///< [C]
};

}  // namespace tessera
