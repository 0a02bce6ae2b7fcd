// Halves the map and doubles the channels between stages.
#pragma once

#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/model_config.h"

namespace tessera {

/// Concatenates each 2 x 2 neighbourhood, normalises it and projects 4C -> 2C without bias,
/// arXiv:2103.14030 section 3.1; Swin v2 projects first and normalises the 2C (arXiv:2111.09883,
/// its code). Odd maps get a row or column of zeros.
class PatchMerging {
 public:
  PatchMerging(const ModelConfig& config, std::int64_t channels);

  /// [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 2C]
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

 private:
  bool post_norm_;
  LayerNorm norm_;
  Linear reduction_;
};

}  // namespace tessera
