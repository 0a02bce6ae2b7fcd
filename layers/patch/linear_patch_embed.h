// The plain patch embedding: patches that touch but do not overlap, each mapped to a vector.
#pragma once

#include "layers/patch/conv_patch_embed.h"

namespace tessera {

/// A convolution whose kernel and stride are the patch, arXiv:2010.11929 section 3.1; then layer
/// norm if `norm`. floor(H / Ph) x floor(W / Pw) tokens; pixels beyond the last whole patch are not
/// seen.
class LinearPatchEmbed final : public ConvPatchEmbed {
 public:
  explicit LinearPatchEmbed(const ModelConfig& config)
      : ConvPatchEmbed(config, config.patch_size, {.stride = config.patch_size}) {}
};

}  // namespace tessera
