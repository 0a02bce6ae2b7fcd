// One Swin transformer block.
#pragma once

#include "layers/drop_path.h"
#include "layers/layer_norm.h"
#include "layers/mlp.h"
#include "layers/stage_plan.h"
#include "layers/window_attention.h"

namespace tessera {

/// x + attn(norm1(x)), then x + mlp(norm2(x)), arXiv:2103.14030 equation 3. Both sums are left to
/// the layer norm that follows: see ResidualStream.
class SwinBlock {
 public:
  /// Block number `index` of the whole model, on maps of size `map`; odd blocks of a stage are
  /// `shifted`. `drop_path` is this block's own rate.
  SwinBlock(const ModelConfig& config, std::int64_t channels, std::int64_t num_heads, Size2 map,
            bool shifted, float drop_path, std::int64_t index);

  /// [B, H, W, C] -> [B, H, W, C]
  ResidualStream forward(Tape& tape, const ResidualStream& stream);

  void visit(ParameterVisitor& visitor);

 private:
  LayerNorm norm1_;
  WindowAttention attn_;
  DropPath drop_attn_;
  LayerNorm norm2_;
  Mlp mlp_;
  DropPath drop_mlp_;
};

}  // namespace tessera
