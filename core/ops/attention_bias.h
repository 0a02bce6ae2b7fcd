// Biases of attention: those of positions, and of projections whose keys have none.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// table [(2th-1)(2tw-1), heads] f32, of offsets within a window of th * tw tokens -> bias [heads,
/// N, N] of a window of N = wh * ww tokens that is not larger (query row, key column): the entry of
/// offset d = query - key is row (dy+th-1)(2tw-1) + (dx+tw-1). Throws ShapeError. Liu 2021
/// (arXiv:2103.14030) section 3.2.
Var relative_position_bias(Tape& tape, const Var& table, std::array<std::int64_t, 2> window,
                           std::array<std::int64_t, 2> table_window);

/// Of the table's own window.
inline Var relative_position_bias(Tape& tape, const Var& table,
                                  std::array<std::int64_t, 2> window) {
  return relative_position_bias(tape, table, window, window);
}

/// The bias [3C] (q | k | v, f32) with its middle third replaced by zeros, which gets a zero
/// gradient. Throws ShapeError. Swin v2 projects keys without a bias (arXiv:2111.09883, its code).
Var without_key_bias(Tape& tape, const Var& bias);

}  // namespace tessera::ops
