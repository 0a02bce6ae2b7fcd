#include "layers/patch/patch_merging.h"

#include "layers/patch/conv_patch_merging.h"
#include "layers/patch/cross_scale_patch_merging.h"
#include "layers/patch/linear_patch_merging.h"
#include "layers/patch/shifted_patch_merging.h"

namespace tessera {

std::vector<ConfigProblem> patch_merging_problems(const ModelConfig& config,
                                                  const MergeShape& shape) {
  if (config.patch_merging.type != PatchMergingType::kCrossScale) return {};
  return CrossScalePatchMerging::problems(config, shape);
}

std::unique_ptr<PatchMerging> make_patch_merging(const ModelConfig& config,
                                                 const MergeShape& shape) {
  switch (config.patch_merging.type) {
    case PatchMergingType::kLinear:
      break;
    case PatchMergingType::kConv:
      return std::make_unique<ConvPatchMerging>(config, shape);
    case PatchMergingType::kShifted:
      return std::make_unique<ShiftedPatchMerging>(config, shape);
    case PatchMergingType::kCrossScale:
      return std::make_unique<CrossScalePatchMerging>(config, shape);
  }
  return std::make_unique<LinearPatchMerging>(config, shape);
}

}  // namespace tessera
