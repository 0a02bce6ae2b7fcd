// Patches that overlap: each token also sees the surroundings of its patch.
#pragma once

#include "layers/patch/conv_patch_embed.h"

namespace tessera {

/// Kernel, stride and padding of the embedding of `config`.
Size2 overlap_kernel(const ModelConfig& config);
ops::Conv2dConfig overlap_conv(const ModelConfig& config);

/// A convolution whose kernel is larger than its stride, the patch, as in PVT v2 (arXiv:2106.13797
/// section 3.2) and CvT (arXiv:2103.15808); then layer norm if `norm`.
///
/// Padding `same` keeps ceil(H / Ph) x ceil(W / Pw) tokens and no pixel unseen. Of the kernel -
/// patch zeros half stand above and to the left, of an odd number the larger half (kernel 7 at
/// patch 4: 2 in front, 1 behind); where the patch does not divide the image, zeros fill the last
/// one. A number n puts n zeros on every side, as PyTorch's `padding=n`: floor((H + 2n - K) / Ph) +
/// 1 tokens, and what is left over at the right and bottom is not seen.
class OverlapPatchEmbed final : public ConvPatchEmbed {
 public:
  explicit OverlapPatchEmbed(const ModelConfig& config)
      : ConvPatchEmbed(config, overlap_kernel(config), overlap_conv(config)) {}

  static std::vector<ConfigProblem> problems(const ModelConfig& config);
};

}  // namespace tessera
