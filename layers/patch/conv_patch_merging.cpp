#include "layers/patch/conv_patch_merging.h"

namespace tessera {
namespace {

Size2 kernel_of(const ModelConfig& config) {
  return {config.patch_merging.kernel, config.patch_merging.kernel};
}

}  // namespace

ConvPatchMerging::ConvPatchMerging(const ModelConfig& config, const MergeShape& shape)
    : shape_(shape),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? shape.out_channels : shape.channels, norm_epsilon(config)),
      reduction_(shape.channels, shape.out_channels, kernel_of(config),
                 padded_conv(shape.map, kernel_of(config), {2, 2})) {}

PatchMergingPlan ConvPatchMerging::plan() const {
  const Size2 map = post_norm_ ? shape_.merged() : shape_.map;
  return {.macs = reduction_.macs(shape_.map),
          .kept = map[0] * map[1] * (post_norm_ ? shape_.out_channels : shape_.channels)};
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
