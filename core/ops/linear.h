// The product with a weight, and the two of a transformer's MLP as one op.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// y = x W^T + b.  x [..., in] f32 or bf16, weight [out, in], bias [out] f32 or none -> [..., out]
/// in the dtype of x. Throws ShapeError.
Var linear(Tape& tape, const Var& x, const Var& weight, const Var& bias);

/// What an MLP multiplies with: weights [hidden, in] and [out, hidden], biases [hidden] and [out].
struct MlpWeights {
  Var fc1_weight, fc1_bias;
  Var fc2_weight, fc2_bias;
};

/// y = gelu(x W1^T + b1) W2^T + b2.  x [..., in] f32 or bf16 -> [..., out]. Slices of rows go
/// through all three steps while they are in cache. Keeps the hidden values before GELU, not those
/// after it, and in evaluation neither. Throws ShapeError.
Var mlp(Tape& tape, const Var& x, const MlpWeights& weights);

}  // namespace tessera::ops
