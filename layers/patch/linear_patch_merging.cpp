#include "layers/patch/linear_patch_merging.h"

#include "core/ops/space_to_depth.h"

namespace tessera {

LinearPatchMerging::LinearPatchMerging(const ModelConfig& config, MergeChannels channels)
    : post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : 4 * channels.in, norm_epsilon(config)),
      reduction_(4 * channels.in, channels.out, /*bias=*/false) {}

PatchMergingPlan LinearPatchMerging::plan(Size2 map) const {
  const std::int64_t tokens = merged(map)[0] * merged(map)[1];
  const std::int64_t in = reduction_.in_features(), out = reduction_.out_features();
  return {.macs = tokens * in * out, .saved = tokens * (in + (post_norm_ ? out : in))};
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
