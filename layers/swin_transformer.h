// The Swin Transformer and its second version.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "layers/backbone.h"
#include "layers/mask_token.h"
#include "layers/position_embed.h"
#include "layers/stage_plan.h"
#include "layers/swin_stage.h"

namespace tessera {

/// arXiv:2103.14030 and arXiv:2111.09883: patch embedding, stages, and norms of what they put out.
/// Which of the two, blocks and merging decide.
class SwinTransformer final : public Backbone {
 public:
  /// `plan` is that of `config`, `outputs` says which of its stages are read.
  SwinTransformer(const ModelConfig& config, const ModelPlan& plan, const StageOutputs& outputs);

  std::vector<StageMap> forward(Tape& tape, const Var& images, ModelTrace* trace) override;
  void visit(ParameterVisitor& visitor) override;
  PatchEmbed& patch_embed() override { return *patch_embed_; }

 private:
  std::unique_ptr<PatchEmbed> patch_embed_;
  std::optional<MaskToken> mask_;
  PositionEmbed position_;
  float dropout_;
  std::vector<SwinStage> stages_;
  StageNorms norms_;
};

}  // namespace tessera
