// The JSON header of a safetensors file, checked against the format's rules.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/stored_tensor.h"

namespace tessera {

inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;  ///< bytes

struct SafetensorsEntry {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0;  ///< bytes from the start of the data
  std::int64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< by `begin`; they cover the data without a gap
};

/// `data_bytes` is what follows the header in the file; `file` names it in a CheckpointError.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes,
                                           std::string_view file);

}  // namespace tessera
