// Positions: absolute ones, added to the tokens of the patch embedding, and the relative bias of
// Swin v2.
#pragma once

#include <string_view>
#include <vector>

#include "core/tape.h"
#include "layers/linear.h"
#include "layers/model_config.h"
#include "layers/model_problems.h"

namespace tessera {

/// Learned (arXiv:2010.11929 section 3.1) or sines and cosines, or nothing at all.
class PositionEmbed {
 public:
  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  /// For a `map` of tokens with `extra` tokens in front of them, which get no sines and cosines.
  PositionEmbed(const ModelConfig& config, Size2 map, std::int64_t extra);

  /// tokens [B, h, w, C] of a `map` {h, w}, or [B, 1, extra + h w, C] -> the same. Sines and
  /// cosines are those of the map. A learned table that is built for another one is resized
  /// bicubically (ops::ResizeMode::kBicubic), as the official code does with positions of other
  /// images; with extra tokens it throws ShapeError.
  Var forward(Tape& tape, const Var& tokens, Size2 map);

  /// The learned table, if there is one, is named `name` itself.
  void visit(ParameterVisitor& visitor, std::string_view name);

 private:
  Var learned(Tape& tape, Size2 map);
  Var sincos(Tape& tape, Size2 map);

  Size2 map_;  ///< of the table
  std::int64_t extra_;
  Parameter learned_;  ///< [1, extra + h w, C]
  bool has_learned_;
  bool has_sincos_;
  Size2 sincos_map_{};
  Tensor sincos_;  ///< [1, extra + h w, C] of the last map
};

/// [1, extra + h w, C]: for token (y, x) the sines of x, cosines of x, sines of y and cosines of y,
/// each times 10000^(-4 i / C) for i in [0, C/4), as MoCo v3 has them (arXiv:2104.02057, its code);
/// zeros for the extra tokens. C is a multiple of 4.
Tensor sincos_table(Size2 map, std::int64_t extra, std::int64_t channels);

/// A small network from offsets to biases, so that windows of another size than the trained ones
/// get sensible biases too: 16 sigmoid(MLP(offset)) with an MLP 2 -> 512 -> heads and ReLU on
/// log-spaced offsets sign(d) log2(1 + 8 |d| / (w - 1)) / 3, arXiv:2111.09883 sections 3.3 and 3.4.
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
