// The plain Vision Transformer, the baseline beside Swin.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "layers/backbone.h"
#include "layers/mask_token.h"
#include "layers/position_embed.h"
#include "layers/stage_plan.h"
#include "layers/transformer_block.h"

namespace tessera {

/// arXiv:2010.11929: patch embedding, blocks in which every token attends to every other, norm.
/// Parameters have timm's names. It is one stage. If the mean over the map is pooled, the norm
/// comes before that, as in Swin (timm's `fc_norm` comes after the mean).
class VisionTransformer final : public Backbone {
 public:
  /// `plan` is that of `config`.
  VisionTransformer(const ModelConfig& config, const ModelPlan& plan, const StageOutputs& outputs);

  std::vector<StageMap> forward(Tape& tape, const Var& images, ModelTrace* trace) override;
  void visit(ParameterVisitor& visitor) override;
  PatchEmbed& patch_embed() override { return *patch_embed_; }

 private:
  bool has_token_;
  std::unique_ptr<PatchEmbed> patch_embed_;
  std::optional<MaskToken> mask_;
  Parameter cls_token_;  ///< [1, 1, C]
  PositionEmbed position_;
  float dropout_;
  std::vector<TransformerBlock> blocks_;
  StageNorms norms_;
};

}  // namespace tessera
