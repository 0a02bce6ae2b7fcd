// Several maps side by side.
#pragma once

#include <span>

#include "core/tape.h"

namespace tessera::ops {

/// Maps [..., C0], [..., C1], ... of one dtype, alike but for their last dimension, up to eight ->
/// [..., C0 + C1 + ...]. Throws ShapeError.
Var concat(Tape& tape, std::span<const Var> parts);

}  // namespace tessera::ops
