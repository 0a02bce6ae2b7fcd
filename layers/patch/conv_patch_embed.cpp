#include "layers/patch/conv_patch_embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tessera {
namespace {

Size2 sliding_stride(const ModelConfig& config) {
  if (config.patch_embed.stride != Size2{}) return config.patch_embed.stride;
  return {(config.patch_size[0] + 1) / 2, (config.patch_size[1] + 1) / 2};
}

std::vector<ConfigProblem> sliding_problems(const ModelConfig& config) {
  const Size2 stride = sliding_stride(config), patch = config.patch_size;
  if (stride[0] <= patch[0] && stride[1] <= patch[1]) return {};
  return {{{"model.patch_embed.stride", "model.patch_size"},
           fmt::format("patch_embed.stride {} is larger than patch_size {}: pixels between patches "
                       "would not be seen; use at most the patch, or auto for half of it",
                       by(stride), by(patch))}};
}

std::vector<ConfigProblem> overlap_problems(const ModelConfig& config) {
  const Size2 kernel = patch_kernel(config), patch = config.patch_size;
  const Size2 image = config.image_size, stride = config.patch_embed.stride;
  const std::int64_t zeros = config.patch_embed.padding;
  const std::int64_t least = std::min(kernel[0], kernel[1]);
  std::vector<ConfigProblem> problems;
  const auto add = [&](const char* first, const char* second, std::string text) {
    problems.push_back({{first, second}, std::move(text), {"model.image_size"}});
  };
  if (stride != Size2{} && stride != patch) {
    add("model.patch_embed.stride", "model.patch_size",
        fmt::format("patch_embed.stride {}: that of overlap is patch_size, {}; leave it out or "
                    "set patch_size",
                    by(stride), by(patch)));
  }
  if (kernel[0] < patch[0] || kernel[1] < patch[1]) {
    add("model.patch_embed.kernel", "model.patch_size",
        fmt::format("patch_embed.kernel {} is smaller than patch_size {}: pixels between kernels "
                    "would not be seen; use a kernel of at least the patch, or auto",
                    by(kernel), by(patch)));
  }
  if (zeros >= least) {
    add("model.patch_embed.padding", "model.patch_embed.kernel",
        fmt::format("patch_embed.padding {} leaves the first kernel, {}, nothing but zeros; use "
                    "less than {}, or same",
                    zeros, by(kernel), least));
  } else if (zeros >= 0 && (image[0] + 2 * zeros < kernel[0] || image[1] + 2 * zeros < kernel[1])) {
    add("model.patch_embed.padding", "model.patch_embed.kernel",
        fmt::format("patch_embed.kernel {} is larger than image_size {} with padding {}; use "
                    "padding same or a smaller kernel",
                    by(kernel), by(image), zeros));
  }
  return problems;
}

}  // namespace

Size2 patch_kernel(const ModelConfig& config) {
  const Size2 patch = config.patch_size;
  if (config.patch_embed.type != PatchEmbedType::kOverlap) return patch;
  if (config.patch_embed.kernel != Size2{}) return config.patch_embed.kernel;
  return {2 * patch[0] - 1, 2 * patch[1] - 1};
}

Conv2dRule patch_rule(const ModelConfig& config) {
  const PatchEmbedConfig& embed = config.patch_embed;
  const EdgeRule edge = embed.edge == PatchEdge::kPad ? EdgeRule::kCover : EdgeRule::kDrop;
  if (embed.type == PatchEmbedType::kSliding) {
    return {.stride = sliding_stride(config), .edge = edge};
  }
  if (embed.type == PatchEmbedType::kLinear) return {.stride = config.patch_size, .edge = edge};
  if (embed.padding == kSamePadding) return {.stride = config.patch_size, .edge = EdgeRule::kSame};
  return {.stride = config.patch_size, .edge = edge, .zeros = {embed.padding, embed.padding}};
}

std::vector<ConfigProblem> ConvPatchEmbed::problems(const ModelConfig& config) {
  if (config.patch_embed.type == PatchEmbedType::kOverlap) return overlap_problems(config);
  if (config.patch_embed.type == PatchEmbedType::kSliding) return sliding_problems(config);
  return {};
}

ConvPatchEmbed::ConvPatchEmbed(const ModelConfig& config)
    : proj_(config.in_channels, config.embed_dim, patch_kernel(config), patch_rule(config)) {
  proj_.weight().reads_pixels = true;
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, patch_norm_epsilon(config));
}

PatchEmbedPlan ConvPatchEmbed::plan(Size2 image) const {
  const Size2 map = proj_.output(image);
  return {.map = map,
          .unused_pixels = proj_.unused(image),
          .macs = proj_.macs(image),
          .saved = norm_ ? map[0] * map[1] * proj_.out_channels() : 0,
          .widest = proj_.weight().shape.numel() / proj_.out_channels()};
}

Var ConvPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var tokens = proj_.forward(tape, images);  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void ConvPatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
