// The plain patch embedding: patches that touch but do not overlap, each mapped to a vector.
#pragma once

#include <optional>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/patch_embed.h"

namespace tessera {

/// A convolution whose kernel and stride are the patch, arXiv:2010.11929 section 3.1, as one matrix
/// product over gathered patches; then layer norm if `norm`. Pixels beyond the last whole patch are
/// not seen.
class LinearPatchEmbed final : public PatchEmbed {
 public:
  explicit LinearPatchEmbed(const ModelConfig& config);

  PatchEmbedPlan plan() const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  Size2 image_;
  Size2 patch_;
  Conv2d proj_;  ///< kernel = stride = patch
  std::optional<LayerNorm> norm_;
};

}  // namespace tessera
