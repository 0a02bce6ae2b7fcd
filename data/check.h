// What a data set really holds: counts, statistics, duplicates.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace tessera {

struct DataReport {
  std::int64_t samples = 0;
  std::vector<std::int64_t> class_counts;
  std::vector<std::string> empty_classes;
  Normalization measured;       ///< mean and std of the pixels 0..1, per channel
  std::int64_t duplicates = 0;  ///< samples whose pixels equal an earlier sample's
  std::uint64_t hash = 0;       ///< of all pixels and labels in order
};

DataReport check_dataset(const Dataset& dataset);

/// Samples of `dataset` whose pixels also occur in `other`: training images in a test split.
std::int64_t count_shared(const Dataset& dataset, const Dataset& other);

/// Identifies the content of a data set: all pixels and labels in order.
std::uint64_t hash_dataset(const Dataset& dataset);

/// A fast 64-bit hash, not cryptographic; `seed` chains pieces.
std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0);

}  // namespace tessera
