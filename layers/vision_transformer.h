// The plain Vision Transformer, the baseline beside Swin.
#pragma once

#include <memory>
#include <vector>

#include "layers/classifier.h"
#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/patch/patch_embed.h"
#include "layers/position_embed.h"
#include "layers/transformer_block.h"

namespace tessera {

/// arXiv:2010.11929: patch embedding, blocks in which every token attends to every other, norm,
/// then the mean over the map or the class token, and a linear head. Parameters have timm's names.
/// With mean pooling the norm comes first, as in Swin (timm's `fc_norm` comes after the mean).
class VisionTransformer final : public Classifier {
 public:
  explicit VisionTransformer(const ModelConfig& config);

  void visit(ParameterVisitor& visitor) override;
  PatchEmbed& patch_embed() override { return *patch_embed_; }

 private:
  Var classify(Tape& tape, const Var& images, ModelTrace* trace) override;

  bool has_token_;
  std::unique_ptr<PatchEmbed> patch_embed_;
  Parameter cls_token_;  ///< [1, 1, C]
  PositionEmbed position_;
  std::vector<TransformerBlock> blocks_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace tessera
