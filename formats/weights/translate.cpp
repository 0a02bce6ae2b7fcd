#include "formats/weights/translate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/weights/detector_names.h"

namespace tessera {
namespace {

constexpr std::string_view kBias = "qkv.bias";
constexpr std::string_view kQueryBias = "q_bias";
constexpr std::string_view kValueBias = "v_bias";
constexpr std::string_view kLogitScale = "logit_scale";  // only Swin v2 has it

/// `stages.0.blocks.1.attn.` of a name that ends with `end`; nullopt for others.
std::optional<std::string> owner_of(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return std::nullopt;
  return std::string(name.substr(0, name.size() - end.size()));
}

std::vector<std::string> names_after(const TensorFile& file, std::string_view prefix) {
  std::vector<std::string> names;
  for (const StoredTensor& stored : file.tensors) {
    if (stored.name.starts_with(prefix)) names.push_back(stored.name.substr(prefix.size()));
  }
  return names;
}

std::vector<std::string> usual_prefixes() {
  std::vector<std::string> prefixes;
  for (const char* outer :
       {"", "param/", "state_dict_ema.", "model_ema.", "state_dict.", "model."}) {
    for (const char* inner : {"", "module.", "model."}) {
      prefixes.push_back(fmt::format("{}{}", outer, inner));
    }
  }
  return prefixes;
}

void recognise(const TensorFile& file, const std::optional<std::string>& prefix,
               Translation& result) {
  if (const auto declared = file.metadata.find("naming"); declared != file.metadata.end()) {
    if (const auto naming = naming_of(declared->second)) {
      result.naming = *naming;
      result.prefix = prefix.value_or("");
      return;
    }
  }
  for (const std::string& wrapper : prefix ? std::vector{*prefix} : usual_prefixes()) {
    if (const auto naming = recognise_naming(names_after(file, wrapper))) {
      result.naming = *naming;
      result.prefix = wrapper;
      return;
    }
  }
  fail<CheckpointError>(
      "[load_weights] {}: names are not those of a Swin Transformer or a ViT (tessera, "
      "torchvision, timm "
      "or official){}",
      file.path, file.tensors.empty() ? std::string() : ": " + quoted(file.tensors.front().name));
}

std::shared_ptr<std::byte[]> zero_bytes(std::size_t count) {
  return std::make_shared<std::byte[]>(count);
}

/// q, zeros, v.
StoredTensor join_biases(const StoredTensor& query, const StoredTensor& value) {
  const std::size_t size = query.bytes.size();
  const auto bytes = zero_bytes(3 * size);
  if (size > 0) {
    std::memcpy(bytes.get(), query.bytes.data(), size);
    std::memcpy(bytes.get() + 2 * size, value.bytes.data(), size);
  }
  return {"", query.type, {3 * query.shape[0]}, {bytes.get(), 3 * size}, bytes};
}

void zero_key_third(StoredTensor& bias) {
  if (bias.shape.size() != 1 || bias.shape[0] % 3 != 0 || bias.bytes.empty()) return;
  const std::size_t third = bias.bytes.size() / 3;
  const auto bytes = zero_bytes(3 * third);
  std::memcpy(bytes.get(), bias.bytes.data(), third);
  std::memcpy(bytes.get() + 2 * third, bias.bytes.data() + 2 * third, third);
  bias.bytes = {bytes.get(), 3 * third};
  bias.owner = bytes;
}

/// Puts `qkv.bias` in the place of each `q_bias` that has a fitting `v_bias`.
void join_all_biases(std::vector<Translation::Entry>& parameters) {
  std::map<std::string, StoredTensor> values;
  for (const auto& [tensor, stored_name] : parameters) {
    if (const auto owner = owner_of(tensor.name, kValueBias)) values.emplace(*owner, tensor);
  }
  std::set<std::string> joined;
  for (auto& [tensor, stored_name] : parameters) {
    const auto owner = owner_of(tensor.name, kQueryBias);
    if (!owner || !values.contains(*owner)) continue;
    const StoredTensor& value = values.at(*owner);
    if (tensor.shape.size() != 1 || tensor.shape != value.shape || tensor.type != value.type) {
      continue;
    }
    tensor = join_biases(tensor, value);
    tensor.name = *owner + std::string(kBias);
    joined.insert(*owner + std::string(kValueBias));
  }
  std::erase_if(parameters, [&](const auto& entry) { return joined.contains(entry.tensor.name); });
}

/// The attention modules, `stages.0.blocks.1.attn.`, that are Swin v2's.
template <typename Names>
std::set<std::string> version_two(const Names& names) {
  std::set<std::string> owners;
  for (const auto& name : names) {
    if (const auto owner = owner_of(name, kLogitScale)) owners.insert(*owner);
  }
  return owners;
}

/// One tensor of the renamed model: all or one third of a tensor of Tessera's.
struct Piece {
  std::string name;
  std::size_t source;
  std::int64_t third = -1;  ///< -1: all
};

std::vector<Piece> plan_pieces(const std::vector<std::string>& names, Naming naming) {
  const bool splits = naming == Naming::kTimm || naming == Naming::kOfficial;
  const std::set<std::string> owners = version_two(names);
  const Architecture architecture = architecture_of(names);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (naming == Naming::kTorchvision && is_one_in_torchvision(names[i])) continue;
    const auto name = from_tessera(names[i], naming, architecture);
    if (!name) {
      fail<CheckpointError>("[weights] {} has no name among those of {}", quoted(names[i]),
                            name_of(naming));
    }
    const auto owner = owner_of(names[i], kBias);
    if (splits && owner && owners.contains(*owner)) {
      const std::string theirs = *owner_of(*name, kBias);
      pieces.push_back({theirs + std::string(kQueryBias), i, 0});
      pieces.push_back({theirs + std::string(kValueBias), i, 2});
    } else {
      pieces.push_back({*name, i});
    }
  }
  return pieces;
}

template <typename Tensors>
std::vector<Piece> plan_pieces_of(const Tensors& tensors, Naming naming) {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return plan_pieces(names, naming);
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
  Translation result;
  recognise(file, prefix, result);
  const Architecture architecture = architecture_of(names_after(file, result.prefix));
  std::set<std::string> taken;
  for (const StoredTensor& stored : file.tensors) {
    if (!stored.name.starts_with(result.prefix)) continue;
    const auto name = to_tessera(std::string_view(stored.name).substr(result.prefix.size()),
                                 result.naming, architecture);
    if (!name || !taken.insert(*name).second) {
      if (!is_buffer(stored.name)) result.other.push_back(stored);
      continue;
    }
    auto& list = is_buffer(*name) ? result.buffers : result.parameters;
    list.push_back({stored, stored.name});
    list.back().tensor.name = *name;
  }
  join_all_biases(result.parameters);
  if (result.naming == Naming::kTorchvision) {
    std::vector<std::string> names(taken.begin(), taken.end());
    const std::set<std::string> owners = version_two(names);
    for (auto& [tensor, stored_name] : result.parameters) {
      const auto owner = owner_of(tensor.name, kBias);
      if (owner && owners.contains(*owner)) zero_key_third(tensor);
    }
  }
  return result;
}

std::vector<NamedTensor> rename_tensors(std::span<const NamedTensor> tensors, Naming naming,
                                        std::string_view prefix) {
  std::vector<NamedTensor> renamed;
  for (const Piece& piece : plan_pieces_of(tensors, naming)) {
    Tensor tensor = tensors[piece.source].tensor;
    if (piece.third >= 0) {
      const std::int64_t size = tensor.numel() / 3;
      tensor = tensor.slice(piece.third * size, {size});
    }
    renamed.push_back({fmt::format("{}{}", prefix, piece.name), tensor});
  }
  return renamed;
}

std::vector<StoredTensor> rename_tensors(std::span<const StoredTensor> tensors, Naming naming) {
  if (naming == Naming::kTorchvision) require_ones(tensors);
  std::vector<StoredTensor> renamed;
  for (const Piece& piece : plan_pieces_of(tensors, naming)) {
    StoredTensor tensor = tensors[piece.source];
    tensor.name = piece.name;
    if (piece.third >= 0) {
      if (tensor.shape.size() != 1 || tensor.shape[0] % 3 != 0) {
        fail<CheckpointError>("[weights] {} is [{}], expected [3C]",
                              quoted(tensors[piece.source].name), fmt::join(tensor.shape, ", "));
      }
      const std::size_t size = tensor.bytes.size() / 3;
      tensor.shape[0] /= 3;
      tensor.bytes = tensor.bytes.subspan(static_cast<std::size_t>(piece.third) * size, size);
    }
    renamed.push_back(std::move(tensor));
  }
  return renamed;
}

}  // namespace tessera
