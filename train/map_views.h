// Test-time augmentation of dense prediction: a model answers for a map by the mean of several
// looks at an image.
#pragma once

#include <cstdint>
#include <vector>

#include "train/learner.h"

namespace tessera {

struct MapViews {
  bool flip = false;                ///< also mirrored left to right
  std::vector<double> scales{1.0};  ///< of the image, each a look of its own
  std::int64_t window = 0;  ///< side of square parts that are looked at by themselves; 0: all
  std::int64_t stride = 0;  ///< from one part to the next; 0: two thirds of the window

  bool whole() const { return !flip && window == 0 && scales == std::vector{1.0}; }
};

/// log of the mean probability of each class of each pixel over all looks: [B, H, W, K] f32 of
/// images [B, H, W, C] f32. Parts overlap; where they do, the mean of their logits counts (as in
/// mmsegmentation's sliding inference).
Tensor predict_map(Learner& learner, const Tensor& images, const MapViews& views);

}  // namespace tessera
