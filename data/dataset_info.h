// What is known of a data set before any file is read: configurations are checked against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"

namespace tessera {

struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;

  std::int64_t numel() const { return height * width * channels; }
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// Per channel, for pixels 0..1: a network sees `(pixel - mean) / std`.
struct Normalization {
  std::vector<float> mean;
  std::vector<float> std;
};

struct DatasetInfo {
  std::string name;  ///< as configurations spell it: `fashion_mnist`
  ImageShape image;
  std::vector<std::string> class_names;
  Normalization normalization;  ///< of the training images
  std::int64_t train_samples = 0;
  std::int64_t test_samples = 0;

  std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
};

DatasetInfo dataset_info(DatasetName name);

/// The configured mean and std where given, else the data set's own. Throws ConfigError if their
/// number is not the number of channels or a std is not positive.
Normalization normalization_of(const DataConfig& config);

}  // namespace tessera
