// The embeddings that are one convolution of the image: linear, overlap and sliding.
#pragma once

#include <optional>
#include <vector>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// A convolution, then layer norm if `norm`. Types differ in kernel, stride and padding:
///
/// `linear`: kernel and stride are the patch, arXiv:2010.11929 section 3.1; floor(H / Ph) x floor(W
/// / Pw) tokens.
///
/// `overlap`: a kernel larger than its stride, the patch, as in PVT v2 (arXiv:2106.13797 section
/// 3.2) and CvT (arXiv:2103.15808). Padding `same` keeps ceil(H / Ph) x ceil(W / Pw) tokens and no
/// pixel unseen. Of the kernel - patch zeros half stand above and to the left, of an odd number the
/// larger half (kernel 7 at patch 4: 2 in front, 1 behind); where the patch does not divide the
/// image, zeros fill the last one. A number n puts n zeros on every side, as PyTorch's `padding=n`:
/// floor((H + 2n - K) / Ph) + 1 tokens.
///
/// `sliding`: a window of patch_size that moves by `stride` (half the patch unless given) and is
/// mapped to a vector wherever it stops: unfold, then a linear layer, the plain reading of
/// overlapping patches; floor((H - Ph) / stride) + 1 tokens on each axis. It is the function of
/// `overlap` with kernel = patch_size, patch_size = stride and padding 0.
///
/// What is left over at the right and bottom is not seen, or with PatchEdge::kPad becomes one more
/// row or column of tokens, filled up with zeros.
class ConvPatchEmbed final : public PatchEmbed {
 public:
  explicit ConvPatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  Conv2d proj_;
  std::optional<LayerNorm> norm_;
};

/// The convolution of the embedding of `config`, and what it is for an image.
Size2 patch_kernel(const ModelConfig& config);
Conv2dRule patch_rule(const ModelConfig& config);
inline ops::Conv2dConfig patch_conv(const ModelConfig& config, Size2 image) {
  return patch_rule(config).at(image, patch_kernel(config));
}

}  // namespace tessera
