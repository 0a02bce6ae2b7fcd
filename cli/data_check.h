// All splits of a data set looked at together.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "data/check.h"
#include "train/log.h"
#include "train/train_config.h"

namespace tessera {

struct CheckedSplit {
  std::string name;  ///< train, val, test
  std::unique_ptr<Dataset> dataset;
  DataReport report;
};

/// Samples of one split that a later one has too.
struct SharedSamples {
  std::size_t split = 0;
  std::size_t later = 0;                             ///< of `near` also the same split
  std::vector<std::array<std::int64_t, 2>> samples;  ///< (of split, of later)
};

struct CheckedData {
  std::vector<CheckedSplit> splits;   ///< those that hold the same files are one
  std::vector<SharedSamples> shared;  ///< pixel by pixel
  std::vector<SharedSamples> near;    ///< that look nearly the same; of data sets in files
  std::vector<std::string> problems;  ///< a line each; empty: all is well
  std::vector<std::string> notes;     ///< a line each: what is left out on purpose
};

/// Reads everything there is, or only the training images. A split that cannot be opened is a
/// problem, but for training, whose error is thrown.
CheckedData check_data(const Config& config, bool only_training, Log& log);

/// Paths to leave out for a check without problems: unreadable files, and of images in two splits
/// those in the earlier. With `near` also of images that look nearly the same.
std::vector<std::string> samples_to_skip(const CheckedData& data, bool near);

}  // namespace tessera
