#include "layers/patch/registered_patch_embeds.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

constexpr std::size_t kMost = 64;

std::vector<RegisteredPatchEmbed>& registry() {
  static std::vector<RegisteredPatchEmbed> embeds;
  return embeds;
}

bool is_taken(std::string_view name) {
  constexpr std::array<std::string_view, 6> kOwn{"linear",  "overlap",     "conv_stem",
                                                 "shifted", "cross_scale", "sliding"};
  return std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end() ||
         std::any_of(registry().begin(), registry().end(),
                     [&](const RegisteredPatchEmbed& embed) { return embed.name == name; });
}

}  // namespace

PatchEmbedType register_patch_embed(const std::string& name, PatchEmbedFactory make) {
  if (name.empty() || is_taken(name)) {
    fail<ConfigError>("[register_patch_embed] {} is taken; give another name", quoted(name));
  }
  if (registry().size() >= kMost) fail<ConfigError>("[register_patch_embed] more than {}", kMost);
  registry().push_back({name, std::move(make)});
  return static_cast<PatchEmbedType>(static_cast<std::size_t>(PatchEmbedType::kRegistered) +
                                     registry().size() - 1);
}

const std::vector<RegisteredPatchEmbed>& registered_patch_embeds() { return registry(); }

}  // namespace tessera
