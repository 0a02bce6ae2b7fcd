// The activation of the MLP.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// x Phi(x) with the normal distribution function Phi, exact (erf), not the tanh approximation.
/// x f32 or bf16 of any shape -> the same shape. Gaussian Error Linear Units, arXiv:1606.08415.
Var gelu(Tape& tape, const Var& x);

}  // namespace tessera::ops
