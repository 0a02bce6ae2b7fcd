#include "layers/patch/shifted_patch_embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/ops/gather_patches.h"
#include "core/ops/linear.h"

namespace tessera {
namespace {

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

PatchGrid shifted_patches(const ModelConfig& config) {
  PatchGrid grid = shifted_views(config.image_size, config.patch_size, shift_of(config),
                                 config.patch_embed.directions);
  grid.channels = config.in_channels;
  return grid;
}

std::vector<ConfigProblem> ShiftedPatchEmbed::problems(const ModelConfig& config) {
  const Size2 shift = shift_of(config), image = config.image_size;
  if (shift[0] < image[0] && shift[1] < image[1]) return {};
  return {
      {{"model.patch_embed.shift_pixels", "model.patch_embed.type", "model.image_size"},
       fmt::format("patch_embed.shift_pixels {}x{} shifts all of image_size {}x{} out of sight; "
                   "use less, or auto for half the patch",
                   shift[0], shift[1], image[0], image[1])}};
}

ShiftedPatchEmbed::ShiftedPatchEmbed(const ModelConfig& config)
    : grid_(shifted_patches(config)),
      weight_({config.embed_dim, grid_.views * grid_.channels, grid_.kernel[0], grid_.kernel[1]},
              weight_init(grid_.depth()), /*decay=*/true),
      bias_({config.embed_dim}, weight_init(grid_.depth()), /*decay=*/false) {
  if (config.patch_embed.norm) norm_.emplace(grid_.depth(), norm_epsilon(config));
}

PatchEmbedPlan ShiftedPatchEmbed::plan() const {
  const std::int64_t gathered = grid_.places[0] * grid_.places[1] * grid_.depth();
  return {
      .map = grid_.places, .macs = gathered * weight_.shape[0], .kept = (norm_ ? 2 : 1) * gathered};
}

Var ShiftedPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  Var patches = ops::gather_patches(tape, images, grid_);  // [B, h, w, views Ph Pw C]
  if (norm_) patches = norm_->forward(tape, patches);
  const Var weight = ops::kernel_rows(tape, tape.parameter(weight_), grid_.views);
  return ops::linear(tape, patches, weight, tape.parameter(bias_));  // [B, h, w, D]
}

void ShiftedPatchEmbed::visit(ParameterVisitor& visitor) {
  if (norm_) visitor("norm", *norm_);
  visitor("proj.weight", weight_);
  visitor("proj.bias", bias_);
}

}  // namespace tessera
