// Absolute position, added to the tokens of the patch embedding.
#pragma once

#include <string_view>
#include <vector>

#include "core/tape.h"
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

}  // namespace tessera
