// Layer normalisation, alone or together with the residual sum in front of it.
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
Var resolve(Tape& tape, const ResidualStream& stream);

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

}  // namespace tessera
