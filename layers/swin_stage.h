// Blocks on maps of one size, and the merging in front of the next stage.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "layers/patch/patch_merging.h"
#include "layers/stage_plan.h"
#include "layers/transformer_block.h"

namespace tessera {

class SwinStage {
 public:
  static constexpr bool kMembersAreGroups = true;

  /// Stage `index` of `plan`. `drop_path` holds one rate a block. The last stage has no merging.
  SwinStage(const ModelConfig& config, const ModelPlan& plan, std::size_t index,
            std::span<const float> drop_path, std::int64_t first_block);

  /// The blocks.  [B, H, W, C] -> [B, H, W, C]
  ResidualStream forward(Tape& tape, ResidualStream stream, ModelTrace* trace = nullptr);

  /// The merging.  [B, H, W, C] -> [B, H/2, W/2, C']
  Var merge(Tape& tape, const Var& x) { return downsample_->forward(tape, x); }

  void visit(ParameterVisitor& visitor);

 private:
  std::vector<TransformerBlock> blocks_;
  std::unique_ptr<PatchMerging> downsample_;
};

}  // namespace tessera
