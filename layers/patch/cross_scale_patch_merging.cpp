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
                                                            MergeChannels channels) {
  const std::size_t kernels = config.patch_merging.kernels.size();
  if (!cross_scale_channels(channels.out, kernels).empty()) return {};
  return {
      {{"model.patch_merging.kernels", "model.patch_merging.type"},
       fmt::format("patch_merging.kernels: {} channels cannot be split over {} kernels (C/2, C/4, "
                   "...): {} % {} != 0; use fewer kernels or another embed_dim",
                   channels.out, kernels, channels.out, std::int64_t{1} << (kernels - 1)),
       {"model.embed_dim", "model.channel_multiplier", "model.depths"}}};
}

CrossScalePatchMerging::CrossScalePatchMerging(const ModelConfig& config, MergeChannels channels)
    : channels_(channels),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : channels.in, norm_epsilon(config)),
      reductions_(channels.in, channels.out, kernels_of(config), {2, 2}) {}

PatchMergingPlan CrossScalePatchMerging::plan(Size2 map) const {
  const Size2 normed = post_norm_ ? merged(map) : map;
  return {.macs = reductions_.macs(map),
          .saved = normed[0] * normed[1] * (post_norm_ ? channels_.out : channels_.in)};
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
