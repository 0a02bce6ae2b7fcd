// Reading of safetensors: a JSON header with names, types and places, then the raw elements.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "train/weights/stored_tensor.h"

namespace tessera {

/// A file in memory. Copies share the elements; a StoredTensor lives as long as any copy does.
struct SafetensorsFile {
  std::string path;  ///< for messages
  std::map<std::string, std::string> metadata;
  std::vector<StoredTensor> tensors;  ///< in the order of their data
  std::shared_ptr<const std::byte[]> data;

  /// Null if there is none of that name.
  const StoredTensor* find(std::string_view name) const;

  /// Throws CheckpointError if there is none of that name.
  const StoredTensor& at(std::string_view name) const;

  /// One tensor converted, as the functions of these names in stored_tensor.h do.
  Tensor f32(std::string_view name) const { return to_f32(at(name), path); }
  Tensor i32(std::string_view name) const { return to_i32(at(name), path); }
};

/// Reads all of a file. Throws CheckpointError that names file, tensor and values if the file
/// cannot be read or breaks any rule of the format: a header above 100,000,000 bytes, a duplicate
/// or unknown key, a shape whose product overflows or differs from the length of its data,
/// elements that overlap, leave a hole, or end before or after the file does.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

}  // namespace tessera
