#include "layers/patch/shifted_patch_merging.h"

#include "core/ops/gather_patches.h"

namespace tessera {

ShiftedViews merging_views(const ModelConfig& config, std::int64_t channels) {
  return {.patch = {2, 2},
          .shift = {1, 1},
          .directions = config.patch_merging.directions,
          .channels = channels};
}

ShiftedPatchMerging::ShiftedPatchMerging(const ModelConfig& config, MergeChannels channels)
    : views_(merging_views(config, channels.in)),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : views_.depth(), norm_epsilon(config)),
      reduction_(views_.depth(), channels.out, /*bias=*/false) {}

PatchMergingPlan ShiftedPatchMerging::plan(Size2 map) const {
  const std::int64_t tokens = merged(map)[0] * merged(map)[1];
  const std::int64_t in = reduction_.in_features(), out = reduction_.out_features();
  return {.macs = tokens * in * out, .saved = tokens * (in + (post_norm_ ? out : in))};
}

Var ShiftedPatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  const Var patches =
      ops::gather_patches(tape, x, views_.grid({x.dim(1), x.dim(2)}));  // [B, H/2, W/2, views 4C]
  if (post_norm_) return norm_.forward(tape, reduction_.forward(tape, patches));
  return reduction_.forward(tape, norm_.forward(tape, patches));  // [B, H/2, W/2, C']
}

void ShiftedPatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  visitor("reduction", reduction_);
}

}  // namespace tessera
