// Safetensors: a JSON header with names, types and places, then the raw elements. The same tensors
// and metadata always give the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/tensor.h"
#include "formats/file_bytes.h"
#include "formats/stored_tensor.h"

namespace tessera {

/// Reads all of a file; tensors come in the order of their data. Throws CheckpointError that names
/// file, tensor and values if the file cannot be read or breaks any rule of the format: a header
/// above 100,000,000 bytes, a duplicate or unknown key, a shape whose product overflows or differs
/// from the length of its data, elements that overlap, leave a hole, or end before or after the
/// file does.
TensorFile read_safetensors(const std::filesystem::path& path);

/// The same of bytes in memory, which the result shares. `path` stands for the file in messages.
TensorFile parse_safetensors(const FileBytes& bytes, const std::string& path);

/// Writes the file atomically, tensor by tensor and without copying one, and returns its Checksum.
/// Data stand in the given order, wider element types first, so that every element is aligned.
/// Throws CheckpointError if it cannot be written, or for a name that is not UTF-8, occurs twice or
/// is `__metadata__`.
std::uint64_t write_safetensors(const std::filesystem::path& path,
                                std::span<const StoredTensor> tensors,
                                const std::map<std::string, std::string>& metadata = {});
std::uint64_t write_safetensors(const std::filesystem::path& path,
                                std::span<const NamedTensor> tensors,
                                const std::map<std::string, std::string>& metadata = {});

}  // namespace tessera
