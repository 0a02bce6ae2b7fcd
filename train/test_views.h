// Test-time augmentation: a model sees every image in several views and answers by their mean.
#pragma once

#include <cstdint>
#include <vector>

#include "train/learner.h"

namespace tessera {

struct TestViews {
  bool flip = false;       ///< also mirrored left to right
  std::int64_t shift = 0;  ///< also moved by so many pixels to each corner; 0: not
  std::vector<float>
      fill{};  ///< what a black pixel is in the images, a channel: moves in from outside

  std::int64_t count() const { return (flip ? 2 : 1) * (shift > 0 ? 5 : 1); }
};

/// `images` [B, H, W, C] f32, moved `down` and `right` by pixels, then mirrored if `flip`.
Tensor view_of(const Tensor& images, std::int64_t down, std::int64_t right, bool flip,
               const std::vector<float>& fill);

/// log of the mean over all views of the probabilities, [B, K] f32: the logits themselves where
/// there is one view. Five shifted views are the crops of a padded image at its centre and corners
/// (Krizhevsky et al. 2012, section 4.1).
Tensor predict_views(Learner& learner, const Tensor& images, const TestViews& views);

}  // namespace tessera
