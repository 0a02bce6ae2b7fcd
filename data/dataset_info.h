// What is known of a data set before any file is read: configurations are checked against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

/// Per channel, for pixels 0..1: a network sees `(pixel - mean) / std`.
struct Normalization {
  std::vector<float> mean;
  std::vector<float> std;
};

struct DatasetInfo {
  std::string name;  ///< as configurations spell it: `fashion_mnist`
  ImageShape image;  ///< what a network sees; files of a folder are scaled to it
  std::vector<std::string> class_names;
  Normalization normalization;     ///< of the training images
  std::int64_t train_samples = 0;  ///< 0: not known before files are read
  std::int64_t test_samples = 0;

  std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
};

enum class TargetKind : std::uint8_t { kClass, kMask, kBoxes };

TargetKind target_kind_of(DatasetName name);

/// Whether its images stay in files of the user's: of any size, scaled to the model's.
bool lies_in_files(DatasetName name);

/// Of a data set of known content. One that lies in files has no classes yet, and images of 224 x
/// 224 x 3 as long as no model says otherwise.
DatasetInfo dataset_info(DatasetName name);

/// The same with what the configuration says of a folder: classes, size and channels of images.
DatasetInfo dataset_info(const DataConfig& config);

/// The configured mean and std where given, else the data set's own. Throws ConfigError if their
/// number is not the number of channels or a std is not positive.
Normalization normalization_of(const DataConfig& config);

}  // namespace tessera
