// Names of the parameters of Swin Transformers and plain ViTs here and in other frameworks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

enum class Naming : std::uint8_t {
  kTessera,
  kTorchvision,
  kTimm,         ///< 0.9 and later; before, timm used the official names
  kOfficial,     ///< github.com/microsoft/Swin-Transformer
  kOpenMmlab,    ///< mmpretrain, mmsegmentation, mmdetection
  kHuggingFace,  ///< transformers, as its files have it
};

/// What has names of its own.
enum class Architecture : std::uint8_t {
  kSwin,
  kSwinV2,  ///< Swin's names and a few more; the keys have no bias
  kViT,     ///< timm's names are Tessera's; the official code of Swin has none
};

/// What is needed to translate a name.
struct NameScheme {
  Naming naming = Naming::kTessera;
  Architecture architecture = Architecture::kSwin;
  int stages = 0;          ///< OpenMMLab counts the last norm by them
  bool norm_each = false;  ///< a norm for each stage that a dense head reads: norm0, norm1, ...
  bool statistics = true;  ///< norms of the head have running statistics
};

/// Query, key and value stand together here, as [3C, C] and [3C]; elsewhere perhaps apart.
enum class Part : std::uint8_t { kWhole, kQuery, kKey, kValue };

/// A tensor, or a third of one.
struct PartName {
  std::string name;
  Part part = Part::kWhole;
  bool keyless = false;  ///< parts alone: there is none for the keys, which counts as zeros

  bool operator==(const PartName&) const = default;
};

/// `tessera`, `torchvision`, `timm`, `official`, `openmmlab`, `huggingface`; and back, nullopt for
/// any other word.
std::string_view name_of(Naming naming);
std::optional<Naming> naming_of(std::string_view name);

/// All of these words, in the order of Naming.
std::vector<std::string> naming_words();

/// What stands before the names of a backbone's tensors, but not before a head's: `backbone.`,
/// `swin.`; empty in most namings.
std::string_view backbone_prefix(const NameScheme& scheme);

/// `features.1.0.mlp.3.bias` -> `stages.0.blocks.0.mlp.fc2.bias`, of a name without any prefix;
/// nullopt if `scheme` knows no such name.
std::optional<PartName> to_tessera(std::string_view name, const NameScheme& scheme);

/// The reverse: one name, or one for each part, after backbone_prefix; none for a part of the model
/// that `scheme` has no name for.
std::vector<PartName> from_tessera(std::string_view name, const NameScheme& scheme);

/// The scheme for Tessera's `names` of a whole model in another naming.
NameScheme scheme_for(std::span<const std::string> names, Naming naming);

/// Whether a name of Tessera's belongs to the head.
bool is_head(std::string_view name);

/// True for tensors that can be computed from the configuration, which files may carry along:
/// `relative_position_index`, `attn_mask`, `relative_coords_table`, `k_bias`; and for counters of
/// batches, which nobody reads.
bool is_buffer(std::string_view name);

}  // namespace tessera
