// From a photo and its mask or boxes to a batch of dense prediction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/batch_part.h"
#include "core/rng.h"
#include "data/batch.h"
#include "data/data_config.h"
#include "data/dataset_info.h"

namespace tessera {

/// Images keep their aspect and so differ in size; a batch is as large as the largest of them.
/// Thread-safe after construction.
class DenseTransform {
 public:
  /// For images of about the size of `base`. Throws ConfigError if the augmentation is impossible.
  DenseTransform(const ImageShape& base, const Normalization& normalization,
                 const AugmentConfig& augment, const ResizeConfig& resize = {});

  /// What testing sees: scaled as `within` says. `target` is changed with the image.
  Sample fit(const ImageView& image, const Target& target) const;

  /// What training sees: placed as `draw_dense_placement` says, then policy and colours.
  Sample augment(const ImageView& image, const Target& target, Rng& rng) const;

  /// Normalised images, the mean colour around them, in a batch whose sides are multiples of
  /// `multiple`, at least the sizes of `least`. Sets images, masks or boxes, and sizes.
  Batch collate(std::span<Sample> samples, TargetKind kind, const ImageSize& least,
                std::int64_t multiple) const;

 private:
  void normalize(const Image& image, std::int64_t width, float* out) const;

  ImageShape base_;
  AugmentConfig augment_;
  ResizeConfig resize_;
  std::vector<float> scale_;               ///< [C]
  std::vector<float> shift_;               ///< [C]
  std::vector<std::uint8_t> mean_colour_;  ///< [C]
};

/// Of a batch of collate() that several processes share: puts more of the mean colour, and of masks
/// nothing to learn, at the right and the bottom of the images here, until they are as large as the
/// largest of all processes.
void pad_alike(Batch& batch, Peers& peers);

}  // namespace tessera
