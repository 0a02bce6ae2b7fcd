// One kernel for patches of several sizes: FlexiViT, arXiv:2212.08013.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/ops/resize_kernel.h"
#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// ConvPatchEmbed `linear` whose kernel is learned at the largest of `patch_sizes` and resized by
/// ops::resize_kernel to the one that is at hand: the configured one, or in training one of the
/// list, each as likely, for each update.
class FlexiblePatchEmbed final : public PatchEmbed {
 public:
  explicit FlexiblePatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  /// At the configured size.
  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;
  void draw_size(std::optional<Rng> rng) override;

 private:
  Conv2dRule rule(Size2 patch) const { return {.stride = patch, .edge = edge_}; }

  struct Matrices {
    ops::KernelMatrix vertical, horizontal;
  };

  Size2 configured_;
  std::vector<std::int64_t> sizes_;
  EdgeRule edge_;
  Size2 size_;                        ///< of the pass at hand
  std::map<Size2, Matrices> resize_;  ///< to each size but that of the kernel
  Conv2d proj_;                       ///< of which the kernel [D, C, P, P] and the bias are used
  std::optional<LayerNorm> norm_;
};

}  // namespace tessera
