#include "layers/overlap_patch_embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tessera {

namespace {

bool slides(const ModelConfig& config) {
  return config.patch_embed.type == PatchEmbedType::kSliding;
}

std::vector<ConfigProblem> sliding_problems(const ModelConfig& config) {
  const Size2 stride = overlap_conv(config).stride, patch = config.patch_size;
  if (stride[0] <= patch[0] && stride[1] <= patch[1]) return {};
  return {{{"model.patch_embed.stride", "model.patch_size"},
           fmt::format("patch_embed.stride {}x{} is larger than patch_size {}x{}: pixels between "
                       "patches would not be seen; use at most the patch, or auto for half of it",
                       stride[0], stride[1], patch[0], patch[1])}};
}

}  // namespace

Size2 overlap_kernel(const ModelConfig& config) {
  if (slides(config)) return config.patch_size;
  if (config.patch_embed.kernel != Size2{}) return config.patch_embed.kernel;
  return {2 * config.patch_size[0] - 1, 2 * config.patch_size[1] - 1};
}

ops::Conv2dConfig overlap_conv(const ModelConfig& config) {
  const Size2 patch = config.patch_size;
  if (slides(config)) {
    const Size2 given = config.patch_embed.stride;
    return {.stride = given != Size2{} ? given : Size2{(patch[0] + 1) / 2, (patch[1] + 1) / 2}};
  }
  const std::int64_t zeros = config.patch_embed.padding;
  if (zeros == kSamePadding) return padded_conv(config.image_size, overlap_kernel(config), patch);
  return {.stride = patch, .pad_begin = {zeros, zeros}, .pad_end = {zeros, zeros}};
}

std::vector<ConfigProblem> OverlapPatchEmbed::problems(const ModelConfig& config) {
  if (slides(config)) return sliding_problems(config);
  const Size2 kernel = overlap_kernel(config), patch = config.patch_size;
  const Size2 image = config.image_size, stride = config.patch_embed.stride;
  const std::int64_t zeros = config.patch_embed.padding;
  const std::int64_t least = std::min(kernel[0], kernel[1]);
  std::vector<ConfigProblem> problems;
  const auto add = [&](const char* first, const char* second, std::string text) {
    problems.push_back({{first, second}, std::move(text)});
  };
  if (stride != Size2{} && stride != patch) {
    add("model.patch_embed.stride", "model.patch_size",
        fmt::format(
            "patch_embed.stride {}x{}: that of overlap is patch_size, {}x{}; leave it out or "
            "set patch_size",
            stride[0], stride[1], patch[0], patch[1]));
  }
  if (kernel[0] < patch[0] || kernel[1] < patch[1]) {
    add("model.patch_embed.kernel", "model.patch_size",
        fmt::format("patch_embed.kernel {}x{} is smaller than patch_size {}x{}: pixels between "
                    "kernels would not be seen; use a kernel of at least the patch, or auto",
                    kernel[0], kernel[1], patch[0], patch[1]));
  }
  if (zeros >= least) {
    add("model.patch_embed.padding", "model.patch_embed.kernel",
        fmt::format("patch_embed.padding {} leaves the first kernel, {}x{}, nothing but zeros; use "
                    "less than {}, or same",
                    zeros, kernel[0], kernel[1], least));
  } else if (zeros >= 0 && (image[0] + 2 * zeros < kernel[0] || image[1] + 2 * zeros < kernel[1])) {
    add("model.patch_embed.padding", "model.patch_embed.kernel",
        fmt::format("patch_embed.kernel {}x{} is larger than image_size {}x{} with padding {}; use "
                    "padding same or a smaller kernel",
                    kernel[0], kernel[1], image[0], image[1], zeros));
  }
  return problems;
}

OverlapPatchEmbed::OverlapPatchEmbed(const ModelConfig& config)
    : image_(config.image_size),
      proj_(config.in_channels, config.embed_dim, overlap_kernel(config), overlap_conv(config)) {
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, norm_epsilon(config));
}

PatchEmbedPlan OverlapPatchEmbed::plan() const {
  const Size2 map = proj_.output(image_);
  return {.map = map,
          .unused_pixels = proj_.unused(image_),
          .macs = proj_.macs(image_),
          .kept = norm_ ? map[0] * map[1] * proj_.out_channels() : 0};
}

Var OverlapPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var tokens = proj_.forward(tape, images);  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void OverlapPatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
