#include "layers/patch/plain_patch_merging.h"

#include "core/ops/neighbours.h"

namespace tessera {
namespace {

Size2 kernel_of(const ModelConfig& config) {
  return {config.patch_merging.kernel, config.patch_merging.kernel};
}

}  // namespace

LinearPatchMerging::LinearPatchMerging(const ModelConfig& config, MergeChannels channels)
    : post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : 4 * channels.in, patch_norm_epsilon(config)),
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

ConvPatchMerging::ConvPatchMerging(const ModelConfig& config, MergeChannels channels)
    : channels_(channels),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : channels.in, patch_norm_epsilon(config)),
      reduction_(channels.in, channels.out, kernel_of(config),
                 {.stride = {2, 2}, .edge = EdgeRule::kSame}) {}

PatchMergingPlan ConvPatchMerging::plan(Size2 map) const {
  const Size2 normed = post_norm_ ? merged(map) : map;
  return {.macs = reduction_.macs(map),
          .saved = normed[0] * normed[1] * (post_norm_ ? channels_.out : channels_.in)};
}

Var ConvPatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  if (post_norm_) return norm_.forward(tape, reduction_.forward(tape, x));
  return reduction_.forward(tape, norm_.forward(tape, x));  // [B, H/2, W/2, C']
}

void ConvPatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  visitor("reduction", reduction_);
}

}  // namespace tessera
