// What a data set really holds: counts, statistics, duplicates.
#pragma once

#include <cstdint>
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
  std::uint64_t hash = 0;       ///< the data set's fingerprint
};

DataReport check_dataset(const Dataset& dataset);

/// Samples of `dataset` whose pixels also occur in `other`: training images in a test split.
std::int64_t count_shared(const Dataset& dataset, const Dataset& other);

}  // namespace tessera
