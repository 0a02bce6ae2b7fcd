// Absolute position, added to the tokens of the patch embedding.
#pragma once

#include <string_view>

#include "core/tape.h"
#include "layers/model_config.h"

namespace tessera {

/// Learned (arXiv:2010.11929 section 3.1) or sines and cosines, or nothing at all.
class PositionEmbed {
 public:
  /// For a `map` of tokens with `extra` tokens in front of them, which get no sines and cosines.
  PositionEmbed(const ModelConfig& config, Size2 map, std::int64_t extra);

  /// [B, H, W, C] -> [B, H, W, C]
  Var forward(Tape& tape, const Var& tokens);

  /// The learned table, if there is one, is named `name` itself.
  void visit(ParameterVisitor& visitor, std::string_view name);

 private:
  Parameter learned_;  ///< [1, extra + h w, C]
  Tensor sincos_;      ///< the same, or none
  bool has_learned_;
};

/// [1, extra + h w, C]: for token (y, x) the sines of x, cosines of x, sines of y and cosines of y,
/// each times 10000^(-4 i / C) for i in [0, C/4), as MoCo v3 has them (arXiv:2104.02057, its code);
/// zeros for the extra tokens. Throws ConfigError unless C is a multiple of 4.
Tensor sincos_table(Size2 map, std::int64_t extra, std::int64_t channels);

}  // namespace tessera
