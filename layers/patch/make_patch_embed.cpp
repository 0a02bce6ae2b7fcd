#include "layers/patch/make_patch_embed.h"

#include "layers/patch/conv_patch_embed.h"
#include "layers/patch/conv_stem.h"
#include "layers/patch/cross_scale_patches.h"
#include "layers/patch/shifted_patches.h"

namespace tessera {

std::vector<ConfigProblem> patch_embed_problems(const ModelConfig& config) {
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
    case PatchEmbedType::kOverlap:
    case PatchEmbedType::kSliding:
      break;
    case PatchEmbedType::kConvStem:
      return ConvStem::problems(config);
    case PatchEmbedType::kShifted:
      return ShiftedPatchEmbed::problems(config);
    case PatchEmbedType::kCrossScale:
      return CrossScalePatchEmbed::problems(config);
  }
  return ConvPatchEmbed::problems(config);
}

std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config) {
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
    case PatchEmbedType::kOverlap:
    case PatchEmbedType::kSliding:
      break;
    case PatchEmbedType::kConvStem:
      return std::make_unique<ConvStem>(config);
    case PatchEmbedType::kShifted:
      return std::make_unique<ShiftedPatchEmbed>(config);
    case PatchEmbedType::kCrossScale:
      return std::make_unique<CrossScalePatchEmbed>(config);
  }
  return std::make_unique<ConvPatchEmbed>(config);
}

}  // namespace tessera
