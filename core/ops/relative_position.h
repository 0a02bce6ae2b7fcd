// Relative position bias of Swin v1: one learned value a head for every offset between two tokens.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// table [(2wh-1)(2ww-1), heads] f32 -> bias [heads, N, N] of a window of N = wh * ww tokens (query
/// row, key column): the entry of offset d = query - key is row (dy+wh-1)(2ww-1) + (dx+ww-1).
/// Throws ShapeError. Liu 2021 (arXiv:2103.14030) section 3.2.
Var relative_position_bias(Tape& tape, const Var& table, std::array<std::int64_t, 2> window);

}  // namespace tessera::ops
