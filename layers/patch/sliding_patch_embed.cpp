#include "layers/patch/sliding_patch_embed.h"

#include <fmt/format.h>

namespace tessera {

ops::Conv2dConfig sliding_conv(const ModelConfig& config) {
  const Size2 given = config.patch_embed.stride, patch = config.patch_size;
  return {.stride = given != Size2{} ? given : Size2{(patch[0] + 1) / 2, (patch[1] + 1) / 2}};
}

std::vector<ConfigProblem> SlidingPatchEmbed::problems(const ModelConfig& config) {
  const Size2 stride = sliding_conv(config).stride, patch = config.patch_size;
  if (stride[0] <= patch[0] && stride[1] <= patch[1]) return {};
  return {{{"model.patch_embed.stride", "model.patch_size"},
           fmt::format("patch_embed.stride {}x{} is larger than patch_size {}x{}: pixels between "
                       "patches would not be seen; use at most the patch, or auto for half of it",
                       stride[0], stride[1], patch[0], patch[1])}};
}

}  // namespace tessera
