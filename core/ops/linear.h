// The product with a weight.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// y = x W^T + b.  x [..., in] f32 or bf16, weight [out, in], bias [out] f32 or none -> [..., out]
/// in the dtype of x. Throws ShapeError.
Var linear(Tape& tape, const Var& x, const Var& weight, const Var& bias);

}  // namespace tessera::ops
