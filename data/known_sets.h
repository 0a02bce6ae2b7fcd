// Every data set: what is known before a file is read, and how it is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/array_dataset.h"
#include "data/data_config.h"
#include "data/dataset.h"
#include "data/dataset_info.h"

namespace tessera {

/// Has `read`, or `open`, `classes` and `validates_on_test`; `data/open_dataset.h` says what these
/// do.
struct KnownSet {
  DatasetInfo info;
  TargetKind target = TargetKind::kClass;
  /// Of a set that is two parts, read whole: the training or the test images.
  std::unique_ptr<ArrayDataset> (*read)(const DataConfig&, Split part) = nullptr;
  /// Of a set whose images stay in files of the user's.
  std::unique_ptr<Dataset> (*open)(const DataConfig&, Split) = nullptr;
  std::vector<std::string> (*classes)(const DataConfig&) = nullptr;
  bool (*validates_on_test)(const DataConfig&) = nullptr;
};

const KnownSet& known_set(DatasetName name);

/// Of photos, in red, green and blue or as grey (the luma of the three).
Normalization photo_normalization(std::int64_t channels);

}  // namespace tessera
