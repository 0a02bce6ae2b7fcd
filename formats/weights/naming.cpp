#include "formats/weights/naming.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "formats/weights/detector_names.h"

namespace tessera {
namespace {

constexpr std::size_t kNamings = 4;
using Row = std::array<std::string_view, kNamings>;

/// What the dotted parts of a name begin with, in the order of Naming. B stands for the number of a
/// block and S for that of a stage, perhaps as 2S+1. Whatever follows is the same in all columns.
/// The first row that fits counts.
constexpr std::array<Row, 9> kSwinRows{{
    {"patch_embed.proj", "features.0.0", "patch_embed.proj", "patch_embed.proj"},
    {"patch_embed.norm", "features.0.2", "patch_embed.norm", "patch_embed.norm"},
    {"absolute_pos_embed", "absolute_pos_embed", "absolute_pos_embed", "absolute_pos_embed"},
    {"stages.S.downsample", "features.2S+2", "layers.S+1.downsample", "layers.S.downsample"},
    {"stages.S.blocks.B.mlp.fc1", "features.2S+1.B.mlp.0", "layers.S.blocks.B.mlp.fc1",
     "layers.S.blocks.B.mlp.fc1"},
    {"stages.S.blocks.B.mlp.fc2", "features.2S+1.B.mlp.3", "layers.S.blocks.B.mlp.fc2",
     "layers.S.blocks.B.mlp.fc2"},
    {"stages.S.blocks.B", "features.2S+1.B", "layers.S.blocks.B", "layers.S.blocks.B"},
    {"norm", "norm", "norm", "norm"},
    {"head", "head", "head.fc", "head"},
}};

/// The same for a plain ViT, which timm names as Tessera does.
constexpr std::array<Row, 14> kVitRows{{
    {"patch_embed.proj", "conv_proj"},
    {"cls_token", "class_token"},
    {"pos_embed", "encoder.pos_embedding"},
    {"blocks.B.norm1", "encoder.layers.encoder_layer_B.ln_1"},
    {"blocks.B.norm2", "encoder.layers.encoder_layer_B.ln_2"},
    {"blocks.B.attn.qkv.weight", "encoder.layers.encoder_layer_B.self_attention.in_proj_weight"},
    {"blocks.B.attn.qkv.bias", "encoder.layers.encoder_layer_B.self_attention.in_proj_bias"},
    {"blocks.B.attn.proj", "encoder.layers.encoder_layer_B.self_attention.out_proj"},
    {"blocks.B.mlp.fc1", "encoder.layers.encoder_layer_B.mlp.0"},
    {"blocks.B.mlp.fc2", "encoder.layers.encoder_layer_B.mlp.3"},
    {"blocks.B.mlp.fc1", "encoder.layers.encoder_layer_B.mlp.linear_1"},  // torchvision 0.12
    {"blocks.B.mlp.fc2", "encoder.layers.encoder_layer_B.mlp.linear_2"},
    {"norm", "encoder.ln"},
    {"head", "heads.head"},
}};

constexpr std::string_view kVitLayer = "encoder.layers.encoder_layer_";

constexpr std::array<std::string_view, kNamings> kNames{"tessera", "torchvision", "timm",
                                                        "official"};

struct Numbers {
  int stage = 0;
  int block = 0;
};

/// A number written as scale * index + offset, after `prefix`.
struct Affine {
  std::string_view text;
  int Numbers::*index;
  int scale;
  int offset;
  std::string_view prefix;
};

constexpr std::array<Affine, 6> kPlaceholders{{
    {"S", &Numbers::stage, 1, 0, ""},
    {"S+1", &Numbers::stage, 1, 1, ""},
    {"2S+1", &Numbers::stage, 2, 1, ""},
    {"2S+2", &Numbers::stage, 2, 2, ""},
    {"B", &Numbers::block, 1, 0, ""},
    {"encoder_layer_B", &Numbers::block, 1, 0, "encoder_layer_"},
}};

const Affine* placeholder(std::string_view part) {
  const auto* found = std::find_if(kPlaceholders.begin(), kPlaceholders.end(),
                                   [&](const Affine& affine) { return affine.text == part; });
  return found == kPlaceholders.end() ? nullptr : found;
}

/// Cuts off and returns what stands before the next dot.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

/// A number without leading zeros.
std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < 0) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

bool match_part(std::string_view pattern, std::string_view part, Numbers& numbers) {
  const Affine* affine = placeholder(pattern);
  if (affine == nullptr) return pattern == part;
  if (!part.starts_with(affine->prefix)) return false;
  part.remove_prefix(affine->prefix.size());
  const std::optional<int> value = parse_number(part);
  if (!value || *value < affine->offset || (*value - affine->offset) % affine->scale != 0) {
    return false;
  }
  numbers.*(affine->index) = (*value - affine->offset) / affine->scale;
  return true;
}

/// Matches the beginning of `name` and leaves what follows in it.
bool match(std::string_view pattern, std::string_view& name, Numbers& numbers) {
  std::string_view rest = name;
  while (!pattern.empty()) {
    if (rest.empty() || !match_part(take_part(pattern), take_part(rest), numbers)) return false;
  }
  name = rest;
  return true;
}

std::string expand(std::string_view pattern, const Numbers& numbers, std::string_view rest) {
  std::string name;
  while (!pattern.empty()) {
    const std::string_view part = take_part(pattern);
    if (!name.empty()) name += '.';
    if (const Affine* affine = placeholder(part)) {
      name += affine->prefix;
      name += std::to_string(affine->scale * numbers.*(affine->index) + affine->offset);
    } else {
      name += part;
    }
  }
  if (!rest.empty()) name.append(".").append(rest);
  return name;
}

std::optional<std::string> translate(std::string_view name, Naming from, Naming to,
                                     Architecture architecture) {
  std::span<const Row> rows = kSwinRows;
  if (architecture == Architecture::kViT) {
    if (from == Naming::kOfficial || to == Naming::kOfficial) return std::nullopt;
    if (from == Naming::kTimm) from = Naming::kTessera;
    if (to == Naming::kTimm) to = Naming::kTessera;
    rows = kVitRows;
  }
  if (from == to) return std::string(name);
  for (const Row& row : rows) {
    Numbers numbers;
    std::string_view rest = name;
    if (match(row[static_cast<std::size_t>(from)], rest, numbers)) {
      return expand(row[static_cast<std::size_t>(to)], numbers, rest);
    }
  }
  return std::nullopt;
}

/// Of a stage that a head reads: `norm2.weight`.
bool is_stage_norm(std::string_view name) {
  if (!name.starts_with("norm")) return false;
  name.remove_prefix(4);
  return parse_number(name.substr(0, name.find('.'))).has_value();
}

std::optional<std::string> detector_name_to_tessera(std::string_view name, Naming naming) {
  if (naming != Naming::kTorchvision)
    return translate(name, naming, Naming::kTessera, Architecture::kSwin);
  if (!name.starts_with(kDetectorBody)) return detector_to_tessera(name);
  name.remove_prefix(kDetectorBody.size());
  if (is_stage_norm(name)) return std::string(name);
  return translate(name, naming, Naming::kTessera, Architecture::kSwin);
}

std::optional<std::string> detector_name_from_tessera(std::string_view name, Naming naming) {
  if (naming == Naming::kTessera) return std::string(name);
  if (naming != Naming::kTorchvision) return std::nullopt;
  if (name.starts_with("head.")) return detector_from_tessera(name);
  const auto body = is_stage_norm(name)
                        ? std::string(name)
                        : translate(name, Naming::kTessera, naming, Architecture::kSwin);
  return body ? std::optional(std::string(kDetectorBody) + *body) : std::nullopt;
}

}  // namespace

std::string_view name_of(Naming naming) { return kNames[static_cast<std::size_t>(naming)]; }

std::optional<Naming> naming_of(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Naming>(found - kNames.begin());
}

std::optional<Naming> recognise_naming(std::span<const std::string> names) {
  const auto any = [&](std::string_view beginning, std::string_view part = "") {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.starts_with(beginning) && name.find(part) != std::string::npos;
    });
  };
  if (any("stages.")) return Naming::kTessera;
  if (any("backbone.body.features.")) return Naming::kTorchvision;
  if (any("features.") || any(kVitLayer)) return Naming::kTorchvision;
  if (any("blocks.")) return Naming::kTessera;  // a plain ViT, which timm names alike
  if (!any("layers.")) return std::nullopt;
  if (any("layers.0.downsample.")) return Naming::kOfficial;
  if (any("layers.", ".downsample.")) return Naming::kTimm;
  return any("head.fc.") ? Naming::kTimm : Naming::kOfficial;  // a single stage has no merge
}

Architecture architecture_of(std::span<const std::string> names) {
  if (are_detector_names(names)) return Architecture::kFcos;
  const bool vit = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("blocks.") || name.starts_with(kVitLayer);
  });
  return vit ? Architecture::kViT : Architecture::kSwin;
}

std::optional<std::string> to_tessera(std::string_view name, Naming naming,
                                      Architecture architecture) {
  if (architecture == Architecture::kFcos) return detector_name_to_tessera(name, naming);
  return translate(name, naming, Naming::kTessera, architecture);
}

std::optional<std::string> from_tessera(std::string_view name, Naming naming,
                                        Architecture architecture) {
  if (architecture == Architecture::kFcos) return detector_name_from_tessera(name, naming);
  return translate(name, Naming::kTessera, naming, architecture);
}

bool is_buffer(std::string_view name) {
  const std::string_view last = name.substr(name.find_last_of('.') + 1);
  return last == "relative_position_index" || last == "attn_mask" ||
         last == "relative_coords_table" || last == "k_bias";
}

}  // namespace tessera
