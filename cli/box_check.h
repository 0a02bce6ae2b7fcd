// What `data check` says of boxes.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "data/check.h"
#include "train/train_config.h"

namespace tessera {

struct BoxFacts {
  static constexpr std::size_t kSizes = 8;  ///< 0 to 8, 8 to 16, ... 512 pixels and more

  std::array<std::int64_t, kSizes> sizes{};  ///< boxes by the root of their area
  std::int64_t repeated = 0;  ///< that have the corners and the class of an earlier one

  /// Of a detector, at the size at which it is tested; without crowds.
  bool has_places = false;
  std::int64_t boxes = 0;
  std::int64_t unfound = 0;  ///< that no place learns to find
  std::int64_t places = 0;   ///< that learn to find a box
};

/// Of all boxes of a split; of places where `config` is that of a detector.
BoxFacts box_facts(const DataReport& report, const Config& config);

nlohmann::ordered_json to_json(const BoxFacts& facts);

/// A line or two, with what to change where many boxes are not found.
void print(const BoxFacts& facts, const Config& config);

}  // namespace tessera
