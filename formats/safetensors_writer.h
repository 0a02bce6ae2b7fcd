// Writing of safetensors: the same tensors and metadata always give the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/named_tensor.h"
#include "formats/stored_tensor.h"

namespace tessera {

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
