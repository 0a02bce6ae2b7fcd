#include "layers/patch/shifted_patches.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "core/ops/linear.h"
#include "core/ops/neighbours.h"

namespace tessera {
namespace {

constexpr std::initializer_list<Size2> kDiagonal{{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
constexpr std::initializer_list<Size2> kCardinal{{-1, 0}, {0, -1}, {0, 1}, {1, 0}};

Size2 shift_of(const ModelConfig& config) {
  if (config.patch_embed.shift_pixels != Size2{}) return config.patch_embed.shift_pixels;
  return {std::max<std::int64_t>(1, config.patch_size[0] / 2),
          std::max<std::int64_t>(1, config.patch_size[1] / 2)};
}

// As that of a convolution: see Conv2d.
Init weight_init(std::int64_t fan_in) {
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(fan_in)));
}

}  // namespace

PatchGrid ShiftedViews::grid(Size2 size) const {
  PatchGrid grid{
      .channels = channels,
      .places = {(size[0] + patch[0] - 1) / patch[0], (size[1] + patch[1] - 1) / patch[1]},
      .kernel = patch,
      .stride = patch};
  const auto look_from = [&](std::initializer_list<Size2> list) {
    for (const Size2& direction : list) {
      grid.origins[static_cast<std::size_t>(grid.views++)] = {direction[0] * shift[0],
                                                              direction[1] * shift[1]};
    }
  };
  if (directions != ShiftDirections::kCardinal) look_from(kDiagonal);
  if (directions != ShiftDirections::kDiagonal) look_from(kCardinal);
  return grid;
}

ShiftedViews patch_views(const ModelConfig& config) {
  return {.patch = config.patch_size,
          .shift = shift_of(config),
          .directions = config.patch_embed.directions,
          .channels = config.in_channels};
}

std::vector<ConfigProblem> ShiftedPatchEmbed::problems(const ModelConfig& config) {
  const Size2 shift = shift_of(config), image = config.image_size;
  if (shift[0] < image[0] && shift[1] < image[1]) return {};
  return {{{"model.patch_embed.shift_pixels", "model.patch_embed.type", "model.image_size"},
           fmt::format("patch_embed.shift_pixels {} shifts all of image_size {} out of sight; use "
                       "less, or auto for half the patch",
                       by(shift), by(image)),
           {"model.patch_size"}}};
}

ShiftedPatchEmbed::ShiftedPatchEmbed(const ModelConfig& config)
    : views_(patch_views(config)),
      weight_(Parameter::matrix(
          {config.embed_dim, views_.count() * views_.channels, views_.patch[0], views_.patch[1]},
          weight_init(views_.depth()))),
      bias_({config.embed_dim}, weight_init(views_.depth()), /*decay=*/false) {
  weight_.reads_pixels = true;
  if (config.patch_embed.norm) norm_.emplace(views_.depth(), patch_norm_epsilon(config));
}

PatchEmbedPlan ShiftedPatchEmbed::plan(Size2 image) const {
  const Size2 map = views_.grid(image).places;
  const std::int64_t gathered = map[0] * map[1] * views_.depth();
  return {.map = map, .macs = gathered * weight_.shape[0], .saved = (norm_ ? 2 : 1) * gathered};
}

Var ShiftedPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  Var patches = ops::gather_patches(
      tape, images, views_.grid({images.dim(1), images.dim(2)}));  // [B, h, w, views Ph Pw C]
  if (norm_) patches = norm_->forward(tape, patches);
  const Var weight = ops::kernel_rows(tape, tape.parameter(weight_), views_.count());
  return ops::linear(tape, patches, weight, tape.parameter(bias_));  // [B, h, w, D]
}

void ShiftedPatchEmbed::visit(ParameterVisitor& visitor) {
  if (norm_) visitor("norm", *norm_);
  visitor("proj.weight", weight_);
  visitor("proj.bias", bias_);
}

ShiftedViews merging_views(const ModelConfig& config, std::int64_t channels) {
  return {.patch = {2, 2},
          .shift = {1, 1},
          .directions = config.patch_merging.directions,
          .channels = channels};
}

ShiftedPatchMerging::ShiftedPatchMerging(const ModelConfig& config, MergeChannels channels)
    : views_(merging_views(config, channels.in)),
      post_norm_(config.name == ModelName::kSwinV2),
      norm_(post_norm_ ? channels.out : views_.depth(), patch_norm_epsilon(config)),
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
