// Dropout of elements, of whole maps and of whole residual branches (stochastic depth).
#pragma once

#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// Zeroes each element with probability `rate` and divides the others by 1 - rate; the identity in
/// evaluation or at rate 0.  x [B, ...] -> the same shape. `draw` tells layers apart, see Rng. The
/// rate is rounded to 1/65536. Throws ConfigError unless 0 <= rate < 1. arXiv:1207.0580.
Var dropout(Tape& tape, const Var& x, float rate, std::uint32_t draw);

/// Factors [batch] of stochastic depth: 0 with probability `rate`, else 1 / (1 - rate); an empty
/// tensor in evaluation or at rate 0. Throws ConfigError unless 0 <= rate < 1. arXiv:1603.09382.
Tensor drop_path_scale(const Tape& tape, std::int64_t batch, float rate, std::uint32_t draw);

/// x + scale[b] * branch.  x, branch [B, ...], scale [B] or empty for 1. Throws ShapeError.
Var add_scaled(Tape& tape, const Var& x, const Var& branch, const Tensor& scale);

/// Throws ShapeError, naming `op`, unless x and branch are alike and scale is empty or [B].
void check_residual(const char* op, const Var& x, const Var& branch, const Tensor& scale);

/// Backward step of s = x + scale[b] * branch: hands `ds` on to x, `scale * ds` to branch.
void pass_residual(Tape& tape, const Tensor& ds, const Tensor& scale, const GradTarget& x,
                   const GradTarget& branch);

/// Zeroes each channel of a sample with probability `rate`, everywhere on its map, and divides the
/// others by 1 - rate; the identity in evaluation or at rate 0.  x [B, ..., C] -> the same shape.
/// `draw` tells layers apart, as in `dropout`. Throws ConfigError unless 0 <= rate < 1; ShapeError.
/// arXiv:1411.4280.
Var channel_dropout(Tape& tape, const Var& x, float rate, std::uint32_t draw);

}  // namespace tessera::ops
