// What a data set really holds: what cannot be read, counts, sizes, statistics, duplicates.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/near_duplicates.h"

namespace tessera {

struct UnreadableSample {
  std::int64_t sample = 0;
  std::string error;
};

struct DataReport {
  std::int64_t samples = 0;
  std::vector<UnreadableSample> unreadable;
  std::vector<std::int64_t> class_counts;  ///< images of a class, readable or not, or that show it
  std::vector<std::int64_t>
      things;                       ///< boxes or pixels of each class; empty for one class an image
  std::int64_t without_things = 0;  ///< images without a box, or without a pixel of a class
  std::int64_t ignored = 0;         ///< pixels of no class, and boxes of crowds
  std::vector<std::vector<Box>> boxes;  ///< of each sample, of data sets that have them
  std::vector<ImageShape> shapes;       ///< of each sample; all 0: unreadable
  std::vector<std::string> empty_classes;
  Normalization measured;       ///< mean and std of the pixels 0..1, per channel
  std::int64_t duplicates = 0;  ///< samples whose pixels equal an earlier sample's
  std::vector<std::array<std::int64_t, 2>> conflicts;  ///< equal pixels, different labels
  std::array<std::int64_t, 3> heights{};               ///< smallest, median, largest
  std::array<std::int64_t, 3> widths{};
  std::uint64_t hash = 0;                   ///< the data set's fingerprint
  std::vector<std::uint64_t> pixel_hashes;  ///< of shape and pixels, a sample each; 0: unreadable
  std::vector<Glance> glances;              ///< a sample each
};

/// Reads every sample, by all threads; `progress` is told now and then how many are done.
DataReport check_dataset(const Dataset& dataset,
                         const std::function<void(std::int64_t)>& progress = {});

/// Samples that look nearly like one of another report, or like an earlier one of the same, but
/// whose pixels differ: (sample, other sample).
std::vector<std::array<std::int64_t, 2>> near_samples(const DataReport& report,
                                                      const DataReport& other);

/// Samples of one report whose pixels also occur in another's, each with the first there:
/// (sample, other sample).
std::vector<std::array<std::int64_t, 2>> shared_samples(const DataReport& report,
                                                        const DataReport& other);

}  // namespace tessera
