// Losses of classification: one class of several, or each by itself; of images, or of their pixels.
#pragma once

#include <cstdint>

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

/// Mean over the batch of sum(q (1 - p)^gamma (-log p)) with p = softmax(logits): answers that are
/// certain and right already teach little.  logits [B, K] f32 or bf16, targets q [B, K] f32 (no
/// gradient) -> [1] f32. `gamma` 0 is the cross entropy. Focal loss: arXiv:1708.02002, section 3.
/// Throws ShapeError; ConfigError for a negative gamma.
Var focal_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets, float gamma);

/// Mean over batch and classes of -(q log s(z) + (1 - q) log(1 - s(z))) with s(z) = 1 / (1 +
/// exp(-z)), as PyTorch's binary_cross_entropy_with_logits has it.  logits z [B, K] f32 or bf16,
/// targets q [B, K] f32 in 0..1 (no gradient) -> [1] f32, in nats. For classification:
/// arXiv:2006.07159 section 5.1, arXiv:2110.00476. Throws ShapeError.
Var binary_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets);

/// Mean over the batch of T^2 sum(q (log q - log p)) with q = softmax(teacher / T) and p =
/// softmax(logits / T): how far answers are from those of a teacher, whose scale T leaves as it is.
/// logits [B, K] f32 or bf16, teacher [B, K] f32 (no gradient), T = `temperature` -> [1] f32, in
/// nats. arXiv:1503.02531 section 2, arXiv:2012.12877 section 4. Throws ShapeError; ConfigError for
/// a temperature that is not above 0.
Var distillation(Tape& tape, const Var& logits, const Tensor& teacher, float temperature);

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
