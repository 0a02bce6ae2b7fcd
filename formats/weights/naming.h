// Names of the parameters of Swin Transformers and plain ViTs here and in other frameworks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

enum class Naming : std::uint8_t {
  kTessera,
  kTorchvision,
  kTimm,      ///< 0.9 and later; before, timm used the official names
  kOfficial,  ///< github.com/microsoft/Swin-Transformer
};

/// What has names of its own: those of Swin and Swin v2 are alike.
enum class Architecture : std::uint8_t {
  kSwin,
  kViT,   ///< timm's names are Tessera's; the official code of Swin has none
  kFcos,  ///< a detector on a Swin; torchvision alone has names for it
};

/// `tessera`, `torchvision`, `timm`, `official`; and back, nullopt for any other word.
std::string_view name_of(Naming naming);
std::optional<Naming> naming_of(std::string_view name);

/// The naming that a set of names follows; nullopt if they are those of no known model.
std::optional<Naming> recognise_naming(std::span<const std::string> names);

/// That of names of any naming.
Architecture architecture_of(std::span<const std::string> names);

/// `features.1.0.mlp.3.bias` -> `stages.0.blocks.0.mlp.fc2.bias`; nullopt if `naming` knows no
/// such name.
std::optional<std::string> to_tessera(std::string_view name, Naming naming,
                                      Architecture architecture = Architecture::kSwin);

/// The reverse; nullopt for a part of the model that `naming` has no name for.
std::optional<std::string> from_tessera(std::string_view name, Naming naming,
                                        Architecture architecture = Architecture::kSwin);

/// True for tensors that can be computed from the configuration, which files may carry along:
/// `relative_position_index`, `attn_mask`, `relative_coords_table`, `k_bias`.
bool is_buffer(std::string_view name);

}  // namespace tessera
