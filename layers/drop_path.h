// Stochastic depth, arXiv:1603.09382.
#pragma once

#include "core/tape.h"

namespace tessera {

/// Drops a residual branch for whole samples with probability `rate` and scales the others by
/// 1 / (1 - rate). `lane` tells this branch's draws from those of others.
struct DropPath {
  float rate = 0.0f;
  std::uint32_t lane = 0;

  /// Factors [batch] for a residual stream; empty where nothing is dropped.
  Tensor scale(const Tape& tape, std::int64_t batch) const;
};

}  // namespace tessera
