// What becomes of a network's answers when the image moves.
#pragma once

#include <vector>

#include "train/learner.h"

namespace tessera::report {

struct Translation {
  std::int64_t pixels = 0;
  double logit_change = 0.0;  ///< see translation_curve
  double same_answer = 0.0;   ///< share of images
  double right = 0.0;         ///< share of images
};

/// For shifts of 0 to `most` pixels of images [B, H, W, C], to the right and, in turn, downwards,
/// mean of both; the edge is repeated where pixels come in. The change of the logits is that of
/// their differences among each other, root mean square, over how much these differ between images.
std::vector<Translation> translation_curve(Learner& learner, const Tensor& images,
                                           const Tensor& labels, std::int64_t most);

}  // namespace tessera::report
