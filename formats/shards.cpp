#include "formats/shards.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/file_bytes.h"
#include "formats/json.h"
#include "formats/read_weights.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::string shown_path(const fs::path& path) { return shown(path.string()); }

/// The names of tensors by file.
std::map<std::string, std::set<std::string>> read_index(const fs::path& path) {
  const FileBytes bytes = read_file(path);
  const Json json = try_parse_json(
      {reinterpret_cast<const char*>(bytes.data.get()), static_cast<std::size_t>(bytes.size)});
  const Json map = json.is_object() && json.contains("weight_map") ? json["weight_map"] : Json();
  if (!map.is_object() || map.empty()) {
    fail<CheckpointError>("[shards] {}: is no index of shards: {{\"weight_map\": {{...}}}}",
                          shown_path(path));
  }
  std::map<std::string, std::set<std::string>> files;
  for (const auto& [tensor, file] : map.items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\\') != std::string::npos || name.find('\0') != std::string::npos) {
      fail<CheckpointError>("[shards] {}: tensor {}: {} is no file beside it", shown_path(path),
                            quoted(tensor), quoted(name));
    }
    files[name].insert(tensor);
  }
  return files;
}

}  // namespace

std::optional<fs::path> weights_in(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return std::nullopt;
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    if (fs::is_regular_file(folder / name, error)) return folder / name;
  }
  return std::nullopt;
}

bool is_shard_index(const fs::path& path) { return path.string().ends_with(".index.json"); }

TensorFile read_shards(const fs::path& index) {
  TensorFile all{.path = shown_path(index), .metadata = {}, .tensors = {}};
  for (auto& [name, wanted] : read_index(index)) {
    const fs::path path = index.parent_path() / name;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
      fail<CheckpointError>("[shards] {}: {} is missing; it holds {} of the tensors",
                            shown_path(index), quoted(name), wanted.size());
    }
    TensorFile part = read_weight_file(path);
    for (StoredTensor& tensor : part.tensors) {
      if (wanted.erase(tensor.name) == 0) {
        fail<CheckpointError>("[shards] {}: {} holds {}, which stands elsewhere in the index",
                              shown_path(index), quoted(name), quoted(tensor.name));
      }
      all.tensors.push_back(std::move(tensor));
    }
    if (!wanted.empty()) {
      fail<CheckpointError>("[shards] {}: {} lacks {}", shown_path(index), quoted(name),
                            quoted(*wanted.begin()));
    }
  }
  return all;
}

}  // namespace tessera
