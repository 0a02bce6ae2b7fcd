#include "layers/patch/cross_scale_patches.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/ops/tokens.h"

namespace tessera {
namespace {

std::vector<Size2> kernels_of(const ModelConfig& config) {
  std::vector<Size2> kernels;
  for (const std::int64_t side : config.patch_merging.kernels) kernels.push_back({side, side});
  return kernels;
}

}  // namespace

std::vector<std::int64_t> cross_scale_channels(std::int64_t channels, std::size_t kernels) {
  std::vector<std::int64_t> parts;
  std::int64_t left = channels;
  while (parts.size() + 1 < kernels) {
    if (left % 2 != 0) return {};
    left /= 2;
    parts.push_back(left);
  }
  parts.push_back(left);
  return parts;
}

CrossScaleConv::CrossScaleConv(std::int64_t in_channels, std::int64_t out_channels,
                               const std::vector<Size2>& kernels, Size2 stride) {
  const std::vector<std::int64_t> channels = cross_scale_channels(out_channels, kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    convs_.emplace_back(in_channels, channels.at(i), kernels[i],
                        Conv2dRule{.stride = stride, .edge = EdgeRule::kSame});
  }
}

Var CrossScaleConv::forward(Tape& tape, const Var& x) {
  std::vector<Var> parts;
  for (Conv2d& conv : convs_) parts.push_back(conv.forward(tape, x));
  return parts.size() == 1 ? parts.front() : ops::concat(tape, parts);
}

void CrossScaleConv::visit(ParameterVisitor& visitor, std::string_view name) {
  visitor(name, convs_);
}

std::int64_t CrossScaleConv::macs(Size2 size) const {
  std::int64_t macs = 0;
  for (const Conv2d& conv : convs_) macs += conv.macs(size);
  return macs;
}

std::int64_t CrossScaleConv::widest() const {
  std::int64_t widest = 0;
  for (const Conv2d& conv : convs_) {
    widest = std::max(widest, conv.weight().shape.numel() / conv.out_channels());
  }
  return widest;
}

std::vector<Size2> cross_scale_kernels(const ModelConfig& config) {
  std::vector<Size2> kernels;
  for (const std::int64_t side : config.patch_embed.kernels) kernels.push_back({side, side});
  if (!kernels.empty()) return kernels;
  for (const std::int64_t scale : {1, 2, 4, 8}) {
    const Size2 kernel{scale * config.patch_size[0], scale * config.patch_size[1]};
    if (kernel[0] <= config.image_size[0] && kernel[1] <= config.image_size[1]) {
      kernels.push_back(kernel);
    }
  }
  return kernels;
}

std::vector<ConfigProblem> CrossScalePatchEmbed::problems(const ModelConfig& config) {
  const std::vector<Size2> kernels = cross_scale_kernels(config);
  std::vector<ConfigProblem> problems;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    if (kernels[i][0] >= config.patch_size[0] && kernels[i][1] >= config.patch_size[1]) continue;
    problems.push_back(
        {{fmt::format("model.patch_embed.kernels[{}]", i), "model.patch_size"},
         fmt::format("patch_embed.kernels: {} is smaller than patch_size {}: pixels between "
                     "kernels would not be seen; use at least the patch",
                     kernels[i][0], by(config.patch_size)),
         {"model.image_size"}});
  }
  if (cross_scale_channels(config.embed_dim, kernels.size()).empty()) {
    const std::int64_t unit = std::int64_t{1} << (kernels.size() - 1);
    const std::int64_t below = config.embed_dim / unit * unit;
    problems.push_back(
        {{"model.embed_dim", "model.patch_embed.kernels", "model.patch_embed.type"},
         fmt::format(
             "embed_dim {} cannot be split over {} kernels (C/2, C/4, ...): {} % {} != 0; use "
             "{}{}, or fewer kernels",
             config.embed_dim, kernels.size(), config.embed_dim, unit,
             below > 0 ? fmt::format("{} or ", below) : "", below + unit),
         {"model.image_size", "model.patch_size"}});
  }
  return problems;
}

CrossScalePatchEmbed::CrossScalePatchEmbed(const ModelConfig& config)
    : channels_(config.embed_dim),
      projs_(config.in_channels, config.embed_dim, cross_scale_kernels(config), config.patch_size) {
  for (Conv2d& conv : projs_.convs()) conv.weight().reads_pixels = true;
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, patch_norm_epsilon(config));
}

PatchEmbedPlan CrossScalePatchEmbed::plan(Size2 image) const {
  const Size2 map = projs_.output(image);
  return {.map = map,
          .macs = projs_.macs(image),
          .saved = norm_ ? map[0] * map[1] * channels_ : 0,
          .widest = projs_.widest()};
}

Var CrossScalePatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var tokens = projs_.forward(tape, images);  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void CrossScalePatchEmbed::visit(ParameterVisitor& visitor) {
  projs_.visit(visitor, "projs");
  if (norm_) visitor("norm", *norm_);
}

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
      norm_(post_norm_ ? channels.out : channels.in, patch_norm_epsilon(config)),
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
