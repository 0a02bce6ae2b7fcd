// Group normalisation of channels-last maps.
#pragma once

#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

struct GroupNormConfig {
  std::int64_t groups = 32;
  float eps = 1e-5f;
  bool relu = false;  ///< max(y, 0) in the same pass
};

/// y = (x - mean) / sqrt(variance + eps) * gamma + beta with mean and biased variance of a sample
/// over all positions and a group of neighbouring channels.  x [B, ..., C] f32 or bf16, gamma [C],
/// beta [C] f32 -> the shape and dtype of x. Throws ShapeError. arXiv:1803.08494.
Var group_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
               const GroupNormConfig& config = {});

}  // namespace tessera::ops
