// Affine maps of the last dimension: one alone, and two around an activation.
#pragma once

#include "core/tape.h"

namespace tessera {

/// y = x W^T + b with weight [out, in], as PyTorch stores it. Starts from a truncated normal of
/// sigma 0.02 and zero bias, as Swin does (arXiv:2103.14030, its code).
class Linear {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, bool bias = true);

  /// [..., in] -> [..., out]
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

  std::int64_t in_features() const { return weight_.shape[1]; }
  std::int64_t out_features() const { return weight_.shape[0]; }
  bool has_bias() const { return has_bias_; }
  Parameter& weight() { return weight_; }
  Parameter& bias() { return bias_; }

 private:
  Parameter weight_;
  Parameter bias_;
  bool has_bias_;
};

/// The feed-forward half of a transformer block: fc2(gelu(fc1(x))) with `hidden` channels in
/// between.
class Mlp {
 public:
  /// `draw` is the address of dropout's random numbers; the next one is used too.
  Mlp(std::int64_t channels, std::int64_t hidden, float dropout, std::uint32_t draw);

  /// [..., C] -> [..., C]
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

 private:
  Linear fc1_;
  Linear fc2_;
  float dropout_;
  std::uint32_t draw_;
};

}  // namespace tessera
