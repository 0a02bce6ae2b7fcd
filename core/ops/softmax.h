// Softmax over the last dimension.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// exp(x - max) / sum over the last dimension.  x [..., K] f32 or bf16 -> [..., K]. Throws
/// ShapeError if there is no last dimension.
Var softmax(Tape& tape, const Var& x);

}  // namespace tessera::ops
