// Patches by a window that slides over the image in steps smaller than itself.
#pragma once

#include "layers/patch/conv_patch_embed.h"

namespace tessera {

/// Stride of the embedding of `config`; there is no padding.
ops::Conv2dConfig sliding_conv(const ModelConfig& config);

/// A window of patch_size that moves by `stride` (half the patch unless given) and is mapped to a
/// vector wherever it stops: unfold, then a linear layer, the plain reading of overlapping patches;
/// then layer norm if `norm`. floor((H - Ph) / stride) + 1 tokens on each axis; what is left over
/// at the right and bottom is not seen. It is the function of OverlapPatchEmbed with kernel =
/// patch_size, patch_size = stride and padding 0, and shares its code.
class SlidingPatchEmbed final : public ConvPatchEmbed {
 public:
  explicit SlidingPatchEmbed(const ModelConfig& config)
      : ConvPatchEmbed(config, config.patch_size, sliding_conv(config)) {}

  static std::vector<ConfigProblem> problems(const ModelConfig& config);
};

}  // namespace tessera
