#include "layers/patch/cross_scale_patch_merging.h"

#include <fmt/format.h>

namespace tessera {
namespace {

std::vector<Size2> kernels_of(const ModelConfig& config) {
  std::vector<Size2> kernels;
  for (const std::int64_t side : config.patch_merging.kernels) kernels.push_back({side, side});
  return kernels;
}

}  // namespace

std::vector<ConfigProblem> CrossScalePatchMerging::problems(const ModelConfig& config,
                                                            const MergeShape& shape) {
  const std::size_t kernels = config.patch_merging.kernels.size();
  if (!cross_scale_channels(shape.out_channels, kernels).empty()) return {};
  return {
      {{"model.patch_merging.kernels", "model.patch_merging.type"},
       fmt::format("patch_merging.kernels: {} channels cannot be split over {} kernels (C/2, C/4, "
                   "...): {} % {} != 0; use fewer kernels or another embed_dim",
                   shape.out_channels, kernels, shape.out_channels, 1 << (kernels - 1))}};
}

CrossScalePatchMerging::CrossScalePatchMerging(const ModelConfig& config, const MergeShape& shape)
    : shape_(shape),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? shape.out_channels : shape.channels, norm_epsilon(config)),
      reductions_(shape.map, shape.channels, shape.out_channels, kernels_of(config), {2, 2}) {}

PatchMergingPlan CrossScalePatchMerging::plan() const {
  const Size2 map = post_norm_ ? shape_.merged() : shape_.map;
  return {.macs = reductions_.macs(shape_.map),
          .kept = map[0] * map[1] * (post_norm_ ? shape_.out_channels : shape_.channels)};
}

Var CrossScalePatchMerging::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "downsample");
  if (post_norm_) return norm_.forward(tape, reductions_.forward(tape, x));
  return reductions_.forward(tape, norm_.forward(tape, x));  // [B, H/2, W/2, C']
}

void CrossScalePatchMerging::visit(ParameterVisitor& visitor) {
  visitor("norm", norm_);
  reductions_.visit(visitor, "reductions");
}

}  // namespace tessera
