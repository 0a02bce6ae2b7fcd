#include "layers/patch/patch_embed.h"

#include "layers/patch/conv_stem.h"
#include "layers/patch/cross_scale_patch_embed.h"
#include "layers/patch/linear_patch_embed.h"
#include "layers/patch/overlap_patch_embed.h"
#include "layers/patch/shifted_patch_embed.h"
#include "layers/patch/sliding_patch_embed.h"

namespace tessera {

std::vector<ConfigProblem> patch_embed_problems(const ModelConfig& config) {
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
      break;
    case PatchEmbedType::kOverlap:
      return OverlapPatchEmbed::problems(config);
    case PatchEmbedType::kSliding:
      return SlidingPatchEmbed::problems(config);
    case PatchEmbedType::kConvStem:
      return ConvStem::problems(config);
    case PatchEmbedType::kShifted:
      return ShiftedPatchEmbed::problems(config);
    case PatchEmbedType::kCrossScale:
      return CrossScalePatchEmbed::problems(config);
  }
  return {};
}

std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config) {
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
      break;
    case PatchEmbedType::kOverlap:
      return std::make_unique<OverlapPatchEmbed>(config);
    case PatchEmbedType::kSliding:
      return std::make_unique<SlidingPatchEmbed>(config);
    case PatchEmbedType::kConvStem:
      return std::make_unique<ConvStem>(config);
    case PatchEmbedType::kShifted:
      return std::make_unique<ShiftedPatchEmbed>(config);
    case PatchEmbedType::kCrossScale:
      return std::make_unique<CrossScalePatchEmbed>(config);
  }
  return std::make_unique<LinearPatchEmbed>(config);
}

}  // namespace tessera
