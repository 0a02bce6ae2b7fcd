#include "formats/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/safetensors_header.h"

namespace tessera {
namespace {

std::string json_string(const std::string& text, const std::filesystem::path& path) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    fail<CheckpointError>("[safetensors] {}: name or metadata {} is not UTF-8",
                          shown(path.string()), quoted(text));
  }
}

void check_names(std::span<const StoredTensor> tensors, const std::filesystem::path& path) {
  std::set<std::string_view> names{"__metadata__"};
  for (const StoredTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      fail<CheckpointError>("[safetensors] {}: tensor name {} is taken", shown(path.string()),
                            quoted(tensor.name));
    }
  }
}

std::string header_json(std::span<const StoredTensor> tensors,
                        const std::map<std::string, std::string>& metadata,
                        const std::filesystem::path& path) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata) {
      pairs.push_back(fmt::format("{}:{}", json_string(key, path), json_string(value, path)));
    }
    members.push_back(fmt::format("\"__metadata__\":{{{}}}", fmt::join(pairs, ",")));
  }
  std::size_t offset = 0;
  for (const StoredTensor& tensor : tensors) {
    const std::size_t end = offset + tensor.bytes.size();
    members.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                  json_string(tensor.name, path), name_of(tensor.type),
                                  fmt::join(tensor.shape, ","), offset, end));
    offset = end;
  }
  std::string json = fmt::format("{{{}}}", fmt::join(members, ","));
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return json;
}

}  // namespace

std::uint64_t write_safetensors(const std::filesystem::path& path,
                                std::span<const StoredTensor> tensors,
                                const std::map<std::string, std::string>& metadata) {
  check_names(tensors, path);
  std::vector<StoredTensor> ordered(tensors.begin(), tensors.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return size_of(a.type) > size_of(b.type); });
  const std::string json = header_json(ordered, metadata, path);
  const std::uint64_t length = json.size();
  if (length > kMaxSafetensorsHeader) {
    fail<CheckpointError>("[safetensors] {}: header of {} bytes, the most is {}",
                          shown(path.string()), length, kMaxSafetensorsHeader);
  }
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(json);
  for (const StoredTensor& tensor : ordered) file.write(tensor.bytes);
  file.commit();
  return file.checksum();
}

std::uint64_t write_safetensors(const std::filesystem::path& path,
                                std::span<const NamedTensor> tensors,
                                const std::map<std::string, std::string>& metadata) {
  std::vector<StoredTensor> views;
  views.reserve(tensors.size());
  for (const NamedTensor& named : tensors) views.push_back(view_of(named.name, named.tensor));
  return write_safetensors(path, std::span<const StoredTensor>(views), metadata);
}

}  // namespace tessera
