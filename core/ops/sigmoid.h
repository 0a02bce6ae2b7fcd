// The logistic function, stretched to a wanted range.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// height / (1 + exp(-x)).  x f32 or bf16 of any shape -> the same shape.
Var sigmoid(Tape& tape, const Var& x, float height = 1.0f);

}  // namespace tessera::ops
