// A loss that asks of each class by itself whether it is there.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// Mean over batch and classes of -(q log s(z) + (1 - q) log(1 - s(z))) with s(z) = 1 / (1 +
/// exp(-z)), as PyTorch's binary_cross_entropy_with_logits has it.  logits z [B, K] f32 or bf16,
/// targets q [B, K] f32 in 0..1 (no gradient) -> [1] f32, in nats. For classification:
/// arXiv:2006.07159 section 5.1, arXiv:2110.00476. Throws ShapeError.
Var binary_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets);

}  // namespace tessera::ops
