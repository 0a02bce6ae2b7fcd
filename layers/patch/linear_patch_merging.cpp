#include "layers/patch/linear_patch_merging.h"

#include "core/ops/space_to_depth.h"

namespace tessera {

LinearPatchMerging::LinearPatchMerging(const ModelConfig& config, const MergeShape& shape)
    : merged_(shape.merged()),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? shape.out_channels : 4 * shape.channels, norm_epsilon(config)),
      reduction_(4 * shape.channels, shape.out_channels, /*bias=*/false) {}

PatchMergingPlan LinearPatchMerging::plan() const {
  const std::int64_t tokens = merged_[0] * merged_[1];
  const std::int64_t in = reduction_.in_features(), out = reduction_.out_features();
  return {.macs = tokens * in * out, .kept = tokens * (in + (post_norm_ ? out : in))};
}

Var LinearPatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  const Var patches = ops::space_to_depth(tape, x, {2, 2});
  if (post_norm_) return norm_.forward(tape, reduction_.forward(tape, patches));
  return reduction_.forward(tape, norm_.forward(tape, patches));  // [B, H/2, W/2, C']
}

void LinearPatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  visitor("reduction", reduction_);
}

}  // namespace tessera
