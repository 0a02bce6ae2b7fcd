// Patches seen at several scales at once.
#pragma once

#include <optional>
#include <vector>

#include "layers/config_problem.h"
#include "layers/layer_norm.h"
#include "layers/patch/cross_scale_conv.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// Kernels of several sizes around each patch, each with its share of the channels, small kernels
/// with the larger shares; CrossFormer's cross-scale embedding, arXiv:2108.00154 section 3.1. Then
/// layer norm if `norm`. See CrossScaleConv.
///
/// `kernels` gives their sides, from fine to coarse; empty: 1, 2, 4 and 8 times the patch (4, 8,
/// 16, 32 as in the paper), as far as they are no larger than the image. ceil(H / Ph) x ceil(W /
/// Pw) tokens, zeros outside the image, no pixel unseen.
class CrossScalePatchEmbed final : public PatchEmbed {
 public:
  explicit CrossScalePatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  std::int64_t channels_;
  CrossScaleConv projs_;
  std::optional<LayerNorm> norm_;
};

/// The kernels of the embedding of `config`.
std::vector<Size2> cross_scale_kernels(const ModelConfig& config);

}  // namespace tessera
