// A data set of shapes, a loader of it with every change to an image, and what it gives.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "data/array_dataset.h"
#include "data/loader.h"
#include "data/sets/synthetic.h"

namespace tessera::testing {

inline const ArrayDataset& shapes() {
  static const auto dataset = make_shapes({.image = {16, 12, 3}, .samples = 103}, Split::kTrain);
  return *dataset;
}

inline LoaderOptions options_with(int workers) {
  LoaderOptions options;
  options.batch_size = 10;
  options.shuffle = true;
  options.augment = {.crop_area = {0.5, 1.0},
                     .crop_padding = 2,
                     .flip = true,
                     .policy = AugmentPolicy::kRandAugment,
                     .color_jitter = 0.3,
                     .erase = 0.3,
                     .erase_mode = EraseMode::kPixel,
                     .mixup = 0.8,
                     .cutmix = 1.0};
  options.normalization = dataset_info(DatasetName::kSynthetic).normalization;
  options.seed = 7;
  options.workers = workers;
  return options;
}

struct Copy {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<std::int32_t> other_labels;
  float own_share;
  std::int64_t index;
  std::vector<std::int64_t> samples;
  friend bool operator==(const Copy&, const Copy&) = default;
};

inline std::vector<Copy> drain(Loader& loader) {
  std::vector<Copy> copies;
  Batch batch;
  while (loader.next(batch)) {
    const auto images = batch.images.span();
    const auto labels = batch.labels.span<std::int32_t>();
    copies.push_back({{images.begin(), images.end()},
                      {labels.begin(), labels.end()},
                      {},
                      batch.own_share,
                      batch.index,
                      batch.samples});
    if (!batch.other_labels) continue;
    const auto others = batch.other_labels.span<std::int32_t>();
    copies.back().other_labels.assign(others.begin(), others.end());
  }
  CHECK_FALSE(static_cast<bool>(batch.images));
  return copies;
}

inline std::vector<Copy> epoch_of(const LoaderOptions& options, std::int64_t epoch,
                                  std::int64_t first_batch = 0) {
  Loader loader(shapes(), options);
  loader.start_epoch(epoch, first_batch);
  return drain(loader);
}

}  // namespace tessera::testing
