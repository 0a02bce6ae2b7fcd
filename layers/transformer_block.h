// One transformer block: attention and MLP, each around a residual sum.
#pragma once

#include <array>

#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/stage_plan.h"
#include "layers/window_attention.h"

namespace tessera {

/// x + attn(norm1(x)), then x + mlp(norm2(x)), arXiv:2103.14030 equation 3; of Swin v2
/// x + norm1(attn(x)), then x + norm2(mlp(x)), arXiv:2111.09883 section 3.2. What enters attn
/// passes through ops::token_shift where the stage shifts channels. The last sum is left to whoever
/// reads the result: see ResidualStream. Where the tape asks for it, what happens inside is not
/// kept but recomputed.
class TransformerBlock {
 public:
  /// Block number `index` of the whole model; odd blocks of a stage are `shifted`. `drop_path` is
  /// this block's own rate.
  TransformerBlock(const ModelConfig& config, const StagePlan& stage, bool shifted, float drop_path,
                   std::int64_t index);

  /// [B, H, W, C] -> [B, H, W, C]
  ResidualStream forward(Tape& tape, const ResidualStream& stream, ModelTrace* trace = nullptr);

  void visit(ParameterVisitor& visitor);

 private:
  /// Sum and branch of the result.
  std::array<Var, 2> run(Tape& tape, const ResidualStream& stream, ModelTrace* trace);
  std::array<Var, 2> run_pre_norm(Tape& tape, const ResidualStream& stream, ModelTrace* trace);
  std::array<Var, 2> run_post_norm(Tape& tape, const ResidualStream& stream, ModelTrace* trace);

  Var attend(Tape& tape, const Var& x, ModelTrace* trace);

  bool post_norm_;
  std::int64_t shifted_channels_;
  LayerNorm norm1_;
  WindowAttention attn_;
  DropPath drop_attn_;
  LayerNorm norm2_;
  Mlp mlp_;
  DropPath drop_mlp_;
};

/// Drop path of every block of the model: rises linearly over depth, from 0 in the first block to
/// `config.drop_path` in the last, arXiv:1603.09382 section 3.
std::vector<float> drop_path_rates(const ModelConfig& config);

}  // namespace tessera
