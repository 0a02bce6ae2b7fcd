// Blocks on maps of one size, and the merging that ends them.
#pragma once

#include <memory>
#include <vector>

#include "layers/patch_merging.h"
#include "layers/stage_plan.h"
#include "layers/swin_block.h"

namespace tessera {

class SwinStage {
 public:
  /// `drop_path` holds one rate a block. The last stage has no merging.
  SwinStage(const ModelConfig& config, const StagePlan& plan, std::span<const float> drop_path,
            std::int64_t first_block, bool merge);

  /// [B, H, W, C] -> [B, H/2, W/2, 2C], or the same shape in the last stage
  ResidualStream forward(Tape& tape, ResidualStream stream);

  void visit(ParameterVisitor& visitor);

 private:
  std::vector<SwinBlock> blocks_;
  std::unique_ptr<PatchMerging> downsample_;
};

}  // namespace tessera
