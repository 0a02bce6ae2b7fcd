// The loss of semantic segmentation.
#pragma once

#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

struct PixelLossConfig {
  std::int32_t ignored = 255;  ///< pixels of this label count for nothing
  Tensor weights{};            ///< of the classes, f32 [K]; empty: all 1
};

/// sum(w ce) / sum(w) over the pixels that are not ignored, with ce = -log softmax(logits)[label]
/// and w the weight of the label's class; 0 where no pixel counts.  logits [B, H, W, K] f32 or
/// bf16, labels i32 [B, H, W] -> [1] f32, in nats. Throws ShapeError; DataError naming a label that
/// is neither ignored nor in [0, K) with its place.
Var pixel_cross_entropy(Tape& tape, const Var& logits, const Tensor& labels,
                        const PixelLossConfig& config = {});

}  // namespace tessera::ops
