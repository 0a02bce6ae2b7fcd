// The whole classifier.
#pragma once

#include <memory>
#include <vector>

#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/patch_embed.h"
#include "layers/swin_stage.h"

namespace tessera {

/// Swin Transformer v1, arXiv:2103.14030: patch embedding, stages, norm, mean over the map, linear
/// head.
class SwinTransformer {
 public:
  /// Throws ConfigError if the configuration has no meaning (see plan_model).
  explicit SwinTransformer(const ModelConfig& config);

  /// images [B, H, W, C] -> logits [B, num_classes]. Throws ShapeError for images of another size.
  Var forward(Tape& tape, const Var& images);

  void visit(ParameterVisitor& visitor);

  SwinTransformer(const SwinTransformer&) = delete;
  SwinTransformer& operator=(const SwinTransformer&) = delete;

  const ModelConfig& config() const { return config_; }

 private:
  ModelConfig config_;
  std::unique_ptr<PatchEmbed> patch_embed_;
  std::vector<SwinStage> stages_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace tessera
