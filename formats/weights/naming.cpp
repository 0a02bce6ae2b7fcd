#include "formats/weights/naming.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "formats/weights/name_pattern.h"
#include "formats/weights/name_rows.h"
#include "formats/weights/names_dense.h"

namespace tessera {
namespace {

constexpr std::array<std::string_view, kNamings> kNames{"tessera",  "torchvision", "timm",
                                                        "official", "openmmlab",   "huggingface"};

constexpr std::string_view kNoKey = "||";

std::size_t column(Naming naming) { return static_cast<std::size_t>(naming); }

bool holds(RowUse use, const NameScheme& scheme) {
  switch (use) {
    case RowUse::kAlways:
      return true;
    case RowUse::kV1:
      return scheme.architecture != Architecture::kSwinV2;
    case RowUse::kV2:
      return scheme.architecture == Architecture::kSwinV2;
    case RowUse::kNormLast:
      return !scheme.norm_each;
    case RowUse::kNormEach:
      return scheme.norm_each;
    case RowUse::kStatistics:
      return scheme.statistics;
    case RowUse::kNoStatistics:
      return !scheme.statistics;
  }
  return false;
}

/// Reading knows the norms of a head by their names.
bool holds_in_reading(RowUse use, const NameScheme& scheme) {
  return use == RowUse::kStatistics || use == RowUse::kNoStatistics || holds(use, scheme);
}

/// Whether a pattern of words stands for the thirds of a tensor.
bool has_parts(std::string_view pattern) { return pattern.find('|') != std::string_view::npos; }

std::vector<PartName> write_name(const NamePair& pair, NameMatch match, const NameScheme& scheme) {
  const std::string_view prefix = pair.head ? "" : backbone_prefix(scheme);
  const bool in_parts = has_parts(pair.theirs);
  const bool keyless = pair.theirs.find(kNoKey) != std::string::npos;
  std::vector<PartName> names;
  for (int i = 0; i < (in_parts ? 3 : 1); ++i) {
    match.numbers.choice = i;
    const std::string name = expand_name(pair.theirs, match);
    if (name.empty()) continue;
    names.push_back({std::string(prefix) + name, in_parts ? Part(i + 1) : Part::kWhole, keyless});
  }
  return names;
}

}  // namespace

std::string_view name_of(Naming naming) { return kNames[column(naming)]; }

std::optional<Naming> naming_of(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Naming>(found - kNames.begin());
}

std::vector<std::string> naming_words() { return {kNames.begin(), kNames.end()}; }

std::string_view backbone_prefix(const NameScheme& scheme) {
  if (scheme.naming == Naming::kOpenMmlab) return "backbone.";
  if (scheme.naming == Naming::kTorchvision) return scheme.norm_each ? "backbone.body." : "";
  if (scheme.naming == Naming::kOfficial && scheme.norm_each) return "backbone.";
  if (scheme.naming != Naming::kHuggingFace) return "";
  if (scheme.norm_each) return "backbone.";
  return scheme.architecture == Architecture::kViT      ? "vit."
         : scheme.architecture == Architecture::kSwinV2 ? "swinv2."
                                                        : "swin.";
}

std::optional<PartName> to_tessera(std::string_view name, const NameScheme& scheme) {
  if (scheme.naming == Naming::kTessera) return PartName{std::string(name)};
  for (const NamePair& pair : name_pairs(scheme.architecture, scheme.naming)) {
    if (!holds_in_reading(pair.use, scheme)) continue;
    const auto match = match_name(pair.theirs, name, scheme.stages - 1);
    if (!match) continue;
    const bool in_parts = has_parts(pair.theirs);
    return PartName{expand_name(pair.ours, *match),
                    in_parts ? Part(match->numbers.choice + 1) : Part::kWhole,
                    pair.theirs.find(kNoKey) != std::string::npos};
  }
  return std::nullopt;
}

std::vector<PartName> from_tessera(std::string_view name, const NameScheme& scheme) {
  if (scheme.naming == Naming::kTessera) return {{std::string(name)}};
  for (const NamePair& pair : name_pairs(scheme.architecture, scheme.naming)) {
    if (!pair.written || !holds(pair.use, scheme)) continue;
    const auto match = match_name(pair.ours, name, scheme.stages - 1);
    if (match) return write_name(pair, *match, scheme);
  }
  return {};
}

NameScheme scheme_for(std::span<const std::string> names, Naming naming) {
  NameScheme scheme{.naming = naming};
  bool head_norms = false, statistics = false;
  for (const std::string& name : names) {
    if (name.starts_with("blocks.")) scheme.architecture = Architecture::kViT;
    if (name.ends_with(".logit_scale")) scheme.architecture = Architecture::kSwinV2;
    if (const auto block = match_name("stages.{S}.blocks.{B}.norm1.*", name)) {
      scheme.stages = std::max(scheme.stages, block->numbers.stage + 1);
    }
    if (match_name("norm{S}.*", name)) scheme.norm_each = true;
    head_norms |= is_head(name) && name.ends_with(".norm.weight");
    statistics |= name.ends_with(".running_mean");
  }
  scheme.statistics = statistics || !head_norms;
  return scheme;
}

bool is_head(std::string_view name) { return name.starts_with("head."); }

bool is_buffer(std::string_view name) {
  const std::string_view last = name.substr(name.find_last_of('.') + 1);
  return last == "relative_position_index" || last == "attn_mask" ||
         last == "relative_coords_table" || last == "k_bias" || is_batch_counter(name);
}

}  // namespace tessera
