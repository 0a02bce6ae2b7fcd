// Patches that overlap: each token also sees the surroundings of its patch.
#pragma once

#include <optional>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/patch_embed.h"

namespace tessera {

/// A convolution whose kernel is larger than its stride, then layer norm if `norm`. Two types name
/// this one function, by different keys:
///
/// `overlap`: the stride is patch_size, the kernel reaches beyond it, as in PVT v2
/// (arXiv:2106.13797 section 3.2) and CvT (arXiv:2103.15808). Padding `same` keeps ceil(H / Ph) x
/// ceil(W / Pw) tokens and no pixel unseen. Of the kernel - patch zeros half stand above and to the
/// left, of an odd number the larger half (kernel 7 at patch 4: 2 in front, 1 behind); where the
/// patch does not divide the image, zeros fill the last one. A number n puts n zeros on every side,
/// as PyTorch's `padding=n`: floor((H + 2n - K) / Ph) + 1 tokens, and what is left over at the
/// right and bottom is not seen.
///
/// `sliding`: the kernel is patch_size, a window that moves by `stride` (half the patch unless
/// given) and is mapped to a vector wherever it stops: unfold, then a linear layer. No padding:
/// floor((H - Ph) / stride) + 1 tokens, and what is left over is not seen. It is overlap with
/// kernel = patch_size, patch_size = stride and padding 0.
class OverlapPatchEmbed final : public PatchEmbed {
 public:
  explicit OverlapPatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan() const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  Size2 image_;
  Conv2d proj_;
  std::optional<LayerNorm> norm_;
};

/// Kernel, stride and padding of the embedding of `config`.
Size2 overlap_kernel(const ModelConfig& config);
ops::Conv2dConfig overlap_conv(const ModelConfig& config);

}  // namespace tessera
