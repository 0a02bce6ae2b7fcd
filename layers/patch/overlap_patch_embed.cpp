#include "layers/patch/overlap_patch_embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tessera {

Size2 overlap_kernel(const ModelConfig& config) {
  if (config.patch_embed.kernel != Size2{}) return config.patch_embed.kernel;
  return {2 * config.patch_size[0] - 1, 2 * config.patch_size[1] - 1};
}

ops::Conv2dConfig overlap_conv(const ModelConfig& config) {
  const std::int64_t zeros = config.patch_embed.padding;
  if (zeros == kSamePadding) {
    return padded_conv(config.image_size, overlap_kernel(config), config.patch_size);
  }
  return {.stride = config.patch_size, .pad_begin = {zeros, zeros}, .pad_end = {zeros, zeros}};
}

std::vector<ConfigProblem> OverlapPatchEmbed::problems(const ModelConfig& config) {
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

}  // namespace tessera
