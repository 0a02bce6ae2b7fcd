// Where images come from and what happens to them: the `data:` part of a configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

enum class DatasetName : std::uint8_t { kFashionMnist, kMnist, kCifar10, kCifar100, kSynthetic };

/// Random changes to training images, in this order. All draws are per sample.
struct AugmentConfig {
  std::int64_t crop_padding = 0;  ///< zero pixels added on every side before a random crop
  bool flip = false;              ///< horizontal, probability 1/2
  double erase = 0.0;             ///< probability of erasing a random rectangle (arXiv:1708.04896)
};

struct DataConfig {
  DatasetName name = DatasetName::kFashionMnist;
  std::string root;               ///< folder of the files; empty: the usual places are searched
  std::int64_t batch_size = 128;  ///< images a step
  std::int64_t accumulate = 1;    ///< steps whose gradients are summed before one update
  AugmentConfig augment;
  std::vector<float> mean;  ///< per channel, pixels 0..1; empty: the data set's known values
  std::vector<float> std;
  int workers = 1;                 ///< loader threads beside the training loop; 0: none
  std::int64_t train_samples = 0;  ///< use only the first so many training samples; 0: all
  std::int64_t test_samples = 0;
};

}  // namespace tessera
