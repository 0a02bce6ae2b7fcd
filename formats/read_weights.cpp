#include "formats/read_weights.h"

#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/file_bytes.h"
#include "formats/safetensors.h"
#include "formats/safetensors_header.h"
#include "formats/shards.h"
#include "formats/torch_file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Whether a file is what its folder stands for.
bool stands_for_folder(const fs::path& file) {
  if (is_shard_index(file)) return true;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const auto own = weights_in(folder);
  return own && own->filename() == file.filename();
}

}  // namespace

bool is_weight_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  if (is_shard_index(path)) return true;
  std::array<char, 64> begin{};
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), begin.size());
  const std::span<const std::byte> bytes =
      std::as_bytes(std::span(begin)).first(static_cast<std::size_t>(file.gcount()));
  std::uint64_t length = 0;
  if (bytes.size() <= sizeof length) return false;
  std::memcpy(&length, begin.data(), sizeof length);
  return is_torch_file(bytes) || (length <= kMaxSafetensorsHeader && begin[sizeof length] == '{');
}

TensorFile read_weight_file(const fs::path& path) {
  const FileBytes bytes = read_file(path);
  return is_torch_file(bytes.span()) ? parse_torch_file(bytes, shown(path.string()))
                                     : parse_safetensors(bytes, shown(path.string()));
}

TensorFile read_weights(const fs::path& path) {
  fs::path file = path;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const auto found = weights_in(path);
    if (!found) {
      fail<CheckpointError>(
          "[weights] {}: a folder without model.safetensors, pytorch_model.bin or the index of "
          "either",
          shown(path.string()));
    }
    file = *found;
  }
  TensorFile weights = is_shard_index(file) ? read_shards(file) : read_weight_file(file);
  if (!stands_for_folder(file)) return weights;
  for (const auto& [key, name] : {std::pair{kModelJson, "config.json"},
                                  std::pair{kPreprocessorJson, "preprocessor_config.json"}}) {
    const fs::path beside = file.parent_path() / name;
    if (!fs::is_regular_file(beside, error)) continue;
    const FileBytes text = read_file(beside);
    weights.metadata.insert_or_assign(
        key, std::string(reinterpret_cast<const char*>(text.data.get()), text.size));
  }
  return weights;
}

}  // namespace tessera
