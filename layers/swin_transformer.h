// The Swin Transformer and its second version.
#pragma once

#include <memory>
#include <vector>

#include "layers/classifier.h"
#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/patch/patch_embed.h"
#include "layers/position_embed.h"
#include "layers/swin_stage.h"

namespace tessera {

/// arXiv:2103.14030 and arXiv:2111.09883: patch embedding, stages, norm, mean over the map, linear
/// head. Which of the two, blocks and merging decide.
class SwinTransformer final : public Classifier {
 public:
  explicit SwinTransformer(const ModelConfig& config);

  void visit(ParameterVisitor& visitor) override;
  PatchEmbed& patch_embed() override { return *patch_embed_; }

 private:
  Var classify(Tape& tape, const Var& images, ModelTrace* trace) override;

  std::unique_ptr<PatchEmbed> patch_embed_;
  PositionEmbed position_;
  std::vector<SwinStage> stages_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace tessera
