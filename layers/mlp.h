// The feed-forward half of a transformer block.
#pragma once

#include "layers/linear.h"

namespace tessera {

/// fc2(gelu(fc1(x))) with `hidden` channels in between.
class Mlp {
 public:
  /// `lane` addresses the draws of dropout; two lanes are used.
  Mlp(std::int64_t channels, std::int64_t hidden, float dropout, std::uint32_t lane);

  /// [..., C] -> [..., C]
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

 private:
  Linear fc1_;
  Linear fc2_;
  float dropout_;
  std::uint32_t lane_;
};

}  // namespace tessera
