#include "formats/weights/translate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/weights/detector_names.h"
#include "formats/weights/recognise.h"
#include "formats/weights/tensor_parts.h"

namespace tessera {
namespace {

constexpr std::string_view kBias = ".attn.qkv.bias";

RecognisedNames recognise(const TensorFile& file, const std::optional<std::string>& prefix) {
  std::vector<std::string> names;
  for (const StoredTensor& stored : file.tensors) names.push_back(stored.name);
  std::optional<Naming> declared;
  if (const auto word = file.metadata.find("naming"); word != file.metadata.end()) {
    declared = naming_of(word->second);
  }
  if (auto found = recognise_names(names, declared, prefix.value_or(""))) return *found;
  // Tessera's own may be a part of a model.
  if (declared == Naming::kTessera) {
    return {scheme_for(names, *declared), prefix.value_or(""), prefix.value_or("")};
  }
  fail<CheckpointError>(
      "[load_weights] {}: names are not those of a Swin Transformer or a ViT ({}){}", file.path,
      fmt::join(naming_words(), ", "),
      names.empty() ? std::string() : ": " + quoted(names.front()));
}

/// A single integer, as of batches seen or of models averaged.
bool is_counter(const StoredTensor& stored) {
  const bool integer = stored.type != StoredType::kF64 && stored.type != StoredType::kF32 &&
                       stored.type != StoredType::kF16 && stored.type != StoredType::kBF16;
  return integer && stored.bytes.size() <= size_of(stored.type);
}

/// Parameters that files of Hugging Face carry and no model of theirs here reads: the pooler of a
/// bare ViT, the last norm of the backbone inside a UPerNet.
bool is_read_by_none(std::string_view name) {
  return name.ends_with("pooler.dense.weight") || name.ends_with("pooler.dense.bias") ||
         name.ends_with("backbone.swin.layernorm.weight") ||
         name.ends_with("backbone.swin.layernorm.bias");
}

/// What stands in another order in OpenMMLab's files, by Tessera's name: the reduction of a merge,
/// and the norm in front of it, which Swin v2 has behind.
bool is_unfolded(std::string_view name, const NameScheme& scheme) {
  if (scheme.naming != Naming::kOpenMmlab) return false;
  return name.ends_with(".downsample.reduction.weight") ||
         (scheme.architecture == Architecture::kSwin &&
          name.find(".downsample.norm.") != std::string_view::npos);
}

/// Takes the tensors of a file one by one and sorts them into a Translation.
class Translator {
 public:
  Translator(const RecognisedNames& names, Translation& result)
      : names_(names), scheme_(names.scheme), result_(result) {}

  void take(const StoredTensor& stored) {
    const bool in_head = stored.name.starts_with(names_.head_prefix);
    if (stored.name.starts_with(names_.prefix)) {
      const auto place = place_of(stored, names_.prefix);
      if (place && (!is_head(place->name) || names_.head_prefix == names_.prefix)) {
        return put(stored, *place);
      }
      if (is_read_by_none(stored.name)) {
        result_.beside.push_back(stored.name);
      } else if (!is_buffer(stored.name) && !is_counter(stored)) {
        result_.other.push_back(stored);
      }
    } else if (in_head) {
      const auto place = place_of(stored, names_.head_prefix);
      if (place && is_head(place->name)) return put(stored, *place);
      result_.beside.push_back(stored.name);
    }
  }

  /// Puts together what came in parts.
  void finish() {
    for (auto& [name, parts] : parts_) {
      const auto& [query, key, value] = parts.tensors;
      const auto joined = query && value && (key || parts.keyless)
                              ? join_parts(*query, key ? &*key : nullptr, *value)
                              : std::nullopt;
      auto& entry = result_.parameters[parts.index];
      if (joined) {
        entry.tensor = *joined;
        entry.tensor.name = name;
        continue;
      }
      entry.stored_name.clear();
      for (const auto& part : parts.tensors) {
        if (part) result_.other.push_back(*part);
      }
    }
    std::erase_if(result_.parameters,
                  [](const Translation::Entry& entry) { return entry.stored_name.empty(); });
  }

 private:
  struct Parts {
    std::array<std::optional<StoredTensor>, 3> tensors;
    bool keyless = false;
    std::size_t index = 0;  // of the entry that they become
  };

  std::optional<PartName> place_of(const StoredTensor& stored, const std::string& prefix) const {
    return to_tessera(std::string_view(stored.name).substr(prefix.size()), scheme_);
  }

  void put(const StoredTensor& stored, const PartName& place) {
    if (!taken_.insert({place.name, place.part}).second) {
      if (!is_buffer(stored.name)) result_.other.push_back(stored);
      return;
    }
    if (place.part != Part::kWhole) return put_part(stored, place);
    auto& list = is_buffer(place.name) ? result_.buffers : result_.parameters;
    list.push_back({stored, stored.name});
    StoredTensor& tensor = list.back().tensor;
    tensor.name = place.name;
    if (is_unfolded(place.name, scheme_)) tensor = fold_merge(tensor).value_or(tensor);
    const bool unused_key =
        scheme_.architecture == Architecture::kSwinV2 && scheme_.naming == Naming::kTorchvision;
    if (unused_key && place.name.ends_with(kBias) && !tensor.shape.empty() &&
        tensor.shape[0] % 3 == 0) {
      tensor = without_key(tensor);
    }
  }

  void put_part(const StoredTensor& stored, const PartName& place) {
    const auto [found, is_new] = parts_.try_emplace(place.name);
    Parts& parts = found->second;
    if (is_new) {
      parts.index = result_.parameters.size();
      result_.parameters.push_back({stored, stored.name});
    }
    parts.keyless = place.keyless;
    parts.tensors[static_cast<std::size_t>(place.part) - 1] = stored;
  }

  const RecognisedNames& names_;
  const NameScheme& scheme_;
  Translation& result_;
  std::set<std::pair<std::string, Part>> taken_;
  std::map<std::string, Parts> parts_;
};

/// All or a third of a tensor of Tessera's, and its name elsewhere.
struct Piece {
  PartName theirs;
  std::size_t source;
  bool unfolded;
};

template <typename Tensors>
std::vector<Piece> plan_pieces(const Tensors& tensors, Naming naming) {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  const NameScheme scheme = scheme_for(names, naming);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (naming == Naming::kTorchvision && is_one_in_torchvision(names[i])) continue;
    const auto theirs = from_tessera(names[i], scheme);
    if (theirs.empty()) {
      fail<CheckpointError>("[weights] {} has no name among those of {}", quoted(names[i]),
                            name_of(naming));
    }
    for (const PartName& part : theirs) pieces.push_back({part, i, is_unfolded(names[i], scheme)});
  }
  return pieces;
}

/// torchvision's detectors do without what stands here as 1.
void require_ones(std::span<const StoredTensor> tensors) {
  for (const StoredTensor& stored : tensors) {
    if (!is_one_in_torchvision(stored.name)) continue;
    const Tensor values = to_f32(stored, "[weights]");
    for (const float value : values.span()) {
      if (value == 1.0f) continue;
      fail<CheckpointError>(
          "[weights] {} is {}: torchvision's detectors have no such factor; train with "
          "model.head.level_scales false",
          quoted(stored.name), value);
    }
  }
}

}  // namespace

Translation translate(const TensorFile& file, const std::optional<std::string>& prefix) {
  const RecognisedNames names = recognise(file, prefix);
  Translation result{.scheme = names.scheme,
                     .prefix = names.prefix,
                     .parameters = {},
                     .buffers = {},
                     .other = {},
                     .beside = {}};
  Translator translator(names, result);
  for (const StoredTensor& stored : file.tensors) translator.take(stored);
  translator.finish();
  return result;
}

std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix) {
  std::vector<NamedTensor> renamed;
  for (const Piece& piece : plan_pieces(tensors, naming)) {
    Tensor tensor = part_of(tensors[piece.source].tensor, piece.theirs.part);
    if (piece.unfolded) {
      const auto unfolded = unfold_merge(view_of("", tensor));
      if (unfolded) tensor = tensor_of(*unfolded, tensor.dtype());
    }
    renamed.push_back({fmt::format("{}{}", prefix, piece.theirs.name), tensor});
  }
  return renamed;
}

std::vector<StoredTensor> rename_tensors(std::span<const StoredTensor> tensors, Naming naming) {
  if (naming == Naming::kTorchvision) require_ones(tensors);
  std::vector<StoredTensor> renamed;
  for (const Piece& piece : plan_pieces(tensors, naming)) {
    const StoredTensor& source = tensors[piece.source];
    StoredTensor tensor = part_of(source, piece.theirs.part);
    if (piece.unfolded) tensor = unfold_merge(source).value_or(source);
    tensor.name = piece.theirs.name;
    renamed.push_back(std::move(tensor));
  }
  return renamed;
}

}  // namespace tessera
