#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/safetensors_header.h"

namespace tessera {
namespace {

constexpr std::size_t kLengthBytes = 8;

std::size_t read_header_length(const FileBytes& bytes, const std::string& path) {
  if (bytes.size < kLengthBytes) {
    fail<CheckpointError>("[safetensors] {}: {} bytes are too few for a safetensors file", path,
                          bytes.size);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data.get(), kLengthBytes);
  if (length > kMaxSafetensorsHeader) {
    fail<CheckpointError>("[safetensors] {}: header length {} is above {}: not a safetensors file?",
                          path, length, kMaxSafetensorsHeader);
  }
  if (length > bytes.size - kLengthBytes) {
    fail<CheckpointError>("[safetensors] {}: header of {} bytes in a file of {}: truncated?", path,
                          length, bytes.size);
  }
  return static_cast<std::size_t>(length);
}

}  // namespace

TensorFile parse_safetensors(const FileBytes& bytes, const std::string& path) {
  const std::size_t header_bytes = read_header_length(bytes, path);
  const std::byte* const data = bytes.data.get() + kLengthBytes + header_bytes;
  const std::string_view json(reinterpret_cast<const char*>(bytes.data.get() + kLengthBytes),
                              header_bytes);
  const auto data_bytes = static_cast<std::int64_t>(bytes.size - kLengthBytes - header_bytes);
  SafetensorsHeader header = parse_safetensors_header(json, data_bytes, path);

  TensorFile file{.path = path, .metadata = std::move(header.metadata), .tensors = {}};
  file.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    file.tensors.push_back({std::move(entry.name),
                            entry.type,
                            std::move(entry.shape),
                            {data + entry.begin, data + entry.end},
                            bytes.data});
  }
  return file;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), shown(path.string()));
}

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
