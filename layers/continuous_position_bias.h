// Relative position bias of Swin v2: a small network from offsets to biases, so that windows of
// another size than the trained ones get sensible biases too.
#pragma once

#include "layers/linear.h"
#include "layers/model_config.h"

namespace tessera {

/// 16 sigmoid(MLP(offset)) with an MLP 2 -> 512 -> heads and ReLU on log-spaced offsets
/// sign(d) log2(1 + 8 |d| / (w - 1)) / 3, arXiv:2111.09883 sections 3.3 and 3.4.
class ContinuousPositionBias {
 public:
  /// For windows up to `window`. `pretrained` is the one that offsets are measured by; 0: `window`.
  ContinuousPositionBias(Size2 window, std::int64_t pretrained, std::int64_t num_heads);

  /// -> [heads, N, N] f32 for a window of N tokens (query row, key column)
  Var forward(Tape& tape, Size2 window);

  void visit(ParameterVisitor& visitor);

 private:
  Linear fc1_;
  Linear fc2_;
  Size2 measure_;   ///< the window whose ends are at distance 1
  Size2 window_;    ///< whose offsets are at hand
  Tensor offsets_;  ///< [(2 wh - 1)(2 ww - 1), 2]: dy, dx
};

}  // namespace tessera
