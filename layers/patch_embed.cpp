#include "layers/patch_embed.h"

#include "layers/linear_patch_embed.h"

namespace tessera {

std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config) {
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
      break;
  }
  return std::make_unique<LinearPatchEmbed>(config);
}

}  // namespace tessera
