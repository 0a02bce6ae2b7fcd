// What the embeddings share that are one convolution of the image.
#pragma once

#include <optional>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// A convolution, then layer norm if `norm`. Types differ in kernel, stride and padding.
class ConvPatchEmbed : public PatchEmbed {
 public:
  ConvPatchEmbed(const ModelConfig& config, Size2 kernel, const ops::Conv2dConfig& conv);

  PatchEmbedPlan plan() const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  Size2 image_;
  Conv2d proj_;
  std::optional<LayerNorm> norm_;
};

}  // namespace tessera
