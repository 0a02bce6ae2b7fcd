#include "layers/patch/make_patch_layers.h"

#include "layers/patch/conv_patch_embed.h"
#include "layers/patch/conv_stem.h"
#include "layers/patch/cross_scale_patches.h"
#include "layers/patch/flexible_patch_embed.h"
#include "layers/patch/plain_patch_merging.h"
#include "layers/patch/registered_patch_embeds.h"
#include "layers/patch/shifted_patches.h"

namespace tessera {

namespace {

/// Null for a type of our own.
const RegisteredPatchEmbed* registered(PatchEmbedType type) {
  const auto& embeds = registered_patch_embeds();
  const auto first = static_cast<std::size_t>(PatchEmbedType::kRegistered);
  const auto index = static_cast<std::size_t>(type);
  return index >= first && index - first < embeds.size() ? &embeds[index - first] : nullptr;
}

}  // namespace

std::vector<ConfigProblem> patch_embed_problems(const ModelConfig& config) {
  if (!config.patch_sizes.empty()) return FlexiblePatchEmbed::problems(config);
  if (registered(config.patch_embed.type) != nullptr) return {};
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
    case PatchEmbedType::kOverlap:
    case PatchEmbedType::kSliding:
    case PatchEmbedType::kRegistered:
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
  if (!config.patch_sizes.empty()) return std::make_unique<FlexiblePatchEmbed>(config);
  if (const auto* embed = registered(config.patch_embed.type)) return embed->make(config);
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
    case PatchEmbedType::kOverlap:
    case PatchEmbedType::kSliding:
    case PatchEmbedType::kRegistered:
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

std::vector<ConfigProblem> patch_merging_problems(const ModelConfig& config,
                                                  MergeChannels channels) {
  if (config.patch_merging.type != PatchMergingType::kCrossScale) return {};
  return CrossScalePatchMerging::problems(config, channels);
}

std::unique_ptr<PatchMerging> make_patch_merging(const ModelConfig& config,
                                                 MergeChannels channels) {
  switch (config.patch_merging.type) {
    case PatchMergingType::kLinear:
      break;
    case PatchMergingType::kConv:
      return std::make_unique<ConvPatchMerging>(config, channels);
    case PatchMergingType::kShifted:
      return std::make_unique<ShiftedPatchMerging>(config, channels);
    case PatchMergingType::kCrossScale:
      return std::make_unique<CrossScalePatchMerging>(config, channels);
  }
  return std::make_unique<LinearPatchMerging>(config, channels);
}

}  // namespace tessera
