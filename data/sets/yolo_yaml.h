// What a data.yaml of YOLO says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct YoloYaml {
  std::string path;  ///< root of the rest, as it is written; empty: not said
  std::vector<std::string> train, val, test;
  std::vector<std::string> names;
};

/// `names` is a list, or a map from 0 on without gaps. Throws DataError that names file, line and
/// column.
YoloYaml parse_yolo_yaml(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace tessera
