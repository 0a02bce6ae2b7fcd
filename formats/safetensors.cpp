#include "formats/safetensors.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

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

}  // namespace tessera
