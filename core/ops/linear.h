// Matrix products on the tape.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// y = x W^T + b.  x [..., in] f32 or bf16, weight [out, in], bias [out] f32 or none -> [..., out]
/// in the dtype of x. Throws ShapeError.
Var linear(Tape& tape, const Var& x, const Var& weight, const Var& bias);

/// C = A B.  a [..., m, k], b [..., k, n] with the same leading dimensions -> [..., m, n].
/// Throws ShapeError.
Var matmul(Tape& tape, const Var& a, const Var& b);

}  // namespace tessera::ops
