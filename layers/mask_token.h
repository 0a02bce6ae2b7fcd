// Squares of an image that a model does not see, drawn anew whenever it looks: SimMIM,
// arXiv:2111.09886.
#pragma once

#include <vector>

#include "core/ops/hidden_patches.h"
#include "layers/model_config.h"
#include "layers/model_problems.h"

namespace tessera {

/// Pixels of a token of the last stage: the patch, doubled by every merging.
Size2 last_stride(const ModelConfig& config);

/// Side of the squares that are hidden, pixels.
std::int64_t mask_side(const ModelConfig& config);

/// How many of `count` squares are hidden: ceil(ratio * count).
std::int64_t hidden_count(const MaskingConfig& config, std::int64_t count);

/// What in patches and masks cannot be meant.
std::vector<ConfigProblem> masking_problems(const ModelConfig& config);

/// The squares of `batch` images of size `image` that are hidden from this pass: of each as many,
/// drawn without replacement from the address of its sample, as dropout is, so that the same step
/// of a run draws the same again. In evaluation it is the same for the same sample each time. Sides
/// are pixels.
ops::HiddenPatches draw_hidden(const Tape& tape, const ModelConfig& config, std::int64_t batch,
                               Size2 image);

/// A learned token in the place of those of the squares that are hidden. Of an embedding of patches
/// one by one that is all that it takes for hidden pixels to be unseen, and so SimMIM has it;
/// others read beyond their patch, and are given images whose hidden squares are of the mean
/// colour.
class MaskToken {
 public:
  explicit MaskToken(const ModelConfig& config);

  /// What the embedding is to see of images [B, H, W, C].
  Var cover(Tape& tape, const Var& images) const;

  /// tokens [B, h, w, C] of the embedding of images of size `image` -> the same
  Var forward(Tape& tape, const Var& tokens, Size2 image);

  Parameter& token() { return token_; }

 private:
  ModelConfig config_;
  Parameter token_;  ///< [1, 1, C]
};

}  // namespace tessera
