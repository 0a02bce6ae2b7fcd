#include "layers/patch/make_patch_merging.h"

#include "layers/patch/cross_scale_patches.h"
#include "layers/patch/plain_patch_merging.h"
#include "layers/patch/shifted_patches.h"

namespace tessera {

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
