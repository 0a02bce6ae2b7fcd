// What stands around the branches of a block: layer normalisation, alone or together with the
// residual sum in front of it, and stochastic depth.
#pragma once

#include <array>

#include "core/tape.h"

namespace tessera {

/// A residual stream whose last branch has not been added yet: its value is x + scale * branch. The
/// layer norm that reads it does the sum in the same pass over memory.
struct ResidualStream {
  Var x;         ///< [B, H, W, C]
  Var branch;    ///< [B, H, W, C], or none
  Tensor scale;  ///< [B] factors of drop path, or empty for 1
};

/// The sum itself, [B, H, W, C].
Var residual_sum(Tape& tape, const ResidualStream& stream);

/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimension, arXiv:1607.06450.
class LayerNorm {
 public:
  /// `weight` is how the factors start.
  LayerNorm(std::int64_t channels, float epsilon, Init weight = Init::ones());

  /// [..., C] -> [..., C]
  Var forward(Tape& tape, const Var& x);

  /// The stream's sum and its norm, each [B, H, W, C].
  std::array<Var, 2> forward(Tape& tape, const ResidualStream& stream);

  void visit(ParameterVisitor& visitor);

 private:
  Parameter weight_;
  Parameter bias_;
  float epsilon_;
};

/// Stochastic depth, arXiv:1603.09382: drops a residual branch for whole samples with probability
/// `rate` and scales the others by 1 / (1 - rate). `draw` is the address of this branch's random
/// numbers.
struct DropPath {
  float rate = 0.0f;
  std::uint32_t draw = 0;

  /// Factors [batch] for a residual stream; empty where nothing is dropped.
  Tensor scale(const Tape& tape, std::int64_t batch) const;
};

}  // namespace tessera
