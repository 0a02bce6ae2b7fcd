// Moves some channels of a map by one token, so that a token sees its neighbours before it attends.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// Of x [B, H, W, C] the first `channels` channels come from the token above, the next from the one
/// below, then from the left and from the right; the others stay. Beyond the edge are zeros.
/// -> [B, H, W, C]. f32 or bf16. Throws ShapeError if 4 * channels > C.
Var token_shift(Tape& tape, const Var& x, std::int64_t channels);

}  // namespace tessera::ops
