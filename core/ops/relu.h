// The activation of the small network behind continuous position biases.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// max(x, 0); its slope at 0 is 0.  x f32 or bf16 of any shape -> the same shape.
Var relu(Tape& tape, const Var& x);

}  // namespace tessera::ops
