// Dropout of whole maps.
#pragma once

#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// Zeroes each channel of a sample with probability `rate`, everywhere on its map, and divides the
/// others by 1 - rate; the identity in evaluation or at rate 0.  x [B, ..., C] -> the same shape.
/// `lane` tells layers apart, as in `dropout`. Throws ConfigError unless 0 <= rate < 1; ShapeError.
/// arXiv:1411.4280.
Var channel_dropout(Tape& tape, const Var& x, float rate, std::uint32_t lane);

}  // namespace tessera::ops
