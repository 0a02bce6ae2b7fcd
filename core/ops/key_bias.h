// The bias of a query, key and value projection whose keys have none.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// The bias [3C] (q | k | v, f32) with its middle third replaced by zeros, which gets a zero
/// gradient. Throws ShapeError. Swin v2 projects keys without a bias (arXiv:2111.09883, its code).
Var without_key_bias(Tape& tape, const Var& bias);

}  // namespace tessera::ops
