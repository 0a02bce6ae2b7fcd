#include "layers/patch/cross_scale_patch_embed.h"

#include <fmt/format.h>

namespace tessera {

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
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, norm_epsilon(config));
}

PatchEmbedPlan CrossScalePatchEmbed::plan(Size2 image) const {
  const Size2 map = projs_.output(image);
  return {.map = map, .macs = projs_.macs(image), .saved = norm_ ? map[0] * map[1] * channels_ : 0};
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

}  // namespace tessera
