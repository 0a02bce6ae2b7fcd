// Losses of classification.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// Mean over the batch of -sum(q log softmax(logits)) with q = (1 - smoothing) onehot(label) +
/// smoothing / K, as PyTorch has it.  logits [B, K] f32 or bf16, labels [B] i32 -> [1] f32, in
/// nats. Throws ShapeError; DataError naming a label that is not in [0, K).
/// Label smoothing: arXiv:1512.00567, section 7.
Var cross_entropy(Tape& tape, const Var& logits, const Tensor& labels, float smoothing = 0.0f);

/// The same with q given.  logits [B, K], targets [B, K] f32 (no gradient) -> [1]. Throws
/// ShapeError.
Var soft_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets);

}  // namespace tessera::ops
