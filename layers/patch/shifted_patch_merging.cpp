#include "layers/patch/shifted_patch_merging.h"

#include "core/ops/gather_patches.h"

namespace tessera {
namespace {

PatchGrid views_of(const ModelConfig& config, const MergeShape& shape) {
  PatchGrid grid = shifted_views(shape.map, {2, 2}, {1, 1}, config.patch_merging.directions);
  grid.channels = shape.channels;
  return grid;
}

}  // namespace

ShiftedPatchMerging::ShiftedPatchMerging(const ModelConfig& config, const MergeShape& shape)
    : grid_(views_of(config, shape)),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? shape.out_channels : grid_.depth(), norm_epsilon(config)),
      reduction_(grid_.depth(), shape.out_channels, /*bias=*/false) {}

PatchMergingPlan ShiftedPatchMerging::plan() const {
  const std::int64_t tokens = grid_.places[0] * grid_.places[1];
  const std::int64_t in = reduction_.in_features(), out = reduction_.out_features();
  return {.macs = tokens * in * out, .kept = tokens * (in + (post_norm_ ? out : in))};
}

Var ShiftedPatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  const Var patches = ops::gather_patches(tape, x, grid_);  // [B, H/2, W/2, views 4C]
  if (post_norm_) return norm_.forward(tape, reduction_.forward(tape, patches));
  return reduction_.forward(tape, norm_.forward(tape, patches));  // [B, H/2, W/2, C']
}

void ShiftedPatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  visitor("reduction", reduction_);
}

}  // namespace tessera
