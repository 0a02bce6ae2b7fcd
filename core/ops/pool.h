// Pooling of feature maps.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// Mean over all positions.  x [B, H, W, C] f32 or bf16 -> [B, C]. Throws ShapeError.
Var mean_pool(Tape& tape, const Var& x);

}  // namespace tessera::ops
