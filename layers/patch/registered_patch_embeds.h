// Patch embeddings that a program which links the library adds: configurations name them like ours.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layers/patch/patch_embed.h"

namespace tessera {

using PatchEmbedFactory = std::function<std::unique_ptr<PatchEmbed>(const ModelConfig&)>;

struct RegisteredPatchEmbed {
  std::string name;
  PatchEmbedFactory make;
};

/// Makes `name` a value of `model.patch_embed.type`; `make` builds the embedding, with
/// `config.embed_dim` channels, and may read all of the configuration. To be called before the
/// first configuration is read and from one thread. Throws ConfigError for a name that is taken.
PatchEmbedType register_patch_embed(const std::string& name, PatchEmbedFactory make);

/// In the order of their types, from kRegistered on.
const std::vector<RegisteredPatchEmbed>& registered_patch_embeds();

}  // namespace tessera
