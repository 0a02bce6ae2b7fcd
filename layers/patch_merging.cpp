#include "layers/patch_merging.h"

#include "core/ops/space_to_depth.h"

namespace tessera {

PatchMerging::PatchMerging(const ModelConfig& config, std::int64_t channels)
    : post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? 2 * channels : 4 * channels, norm_epsilon(config)),
      reduction_(4 * channels, 2 * channels, /*bias=*/false) {}

Var PatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  const Var patches = ops::space_to_depth(tape, x, {2, 2}, ops::BlockOrder::kMerge);
  if (post_norm_) return norm_.forward(tape, reduction_.forward(tape, patches));
  return reduction_.forward(tape, norm_.forward(tape, patches));  // [B, H/2, W/2, 2C]
}

void PatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  visitor("reduction", reduction_);
}

}  // namespace tessera
