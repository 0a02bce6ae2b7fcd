#include "data/open_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "data/array_dataset.h"
#include "data/hold_out.h"
#include "data/sets/cifar.h"
#include "data/sets/coco.h"
#include "data/sets/idx.h"
#include "data/sets/image_folder.h"
#include "data/sets/image_masks.h"
#include "data/sets/synthetic.h"
#include "data/sets/voc.h"
#include "data/sets/yolo.h"

namespace tessera {
namespace {

std::vector<bool> held_out_of(std::span<const std::uint8_t> labels, const DataConfig& config) {
  const std::vector<std::int64_t> classes(labels.begin(), labels.end());
  return held_out(classes, config);
}

/// So many that, without what is held out, the training images asked for are left.
std::int64_t synthetic_samples(const DataConfig& config, Split stored) {
  if (stored == Split::kTest) return config.test_samples;
  if (config.train_samples == 0 || !holds_out(config)) return config.train_samples;
  std::int64_t samples = config.train_samples;
  for (;;) {
    const std::vector<bool> out = held_out_of(synthetic_labels(samples), config);
    const std::int64_t missing = config.train_samples - std::count(out.begin(), out.end(), false);
    if (missing <= 0) return samples;
    samples += missing;
  }
}

std::unique_ptr<ArrayDataset> read_arrays(const DataConfig& config, Split stored) {
  switch (config.name) {
    case DatasetName::kFashionMnist:
    case DatasetName::kMnist:
      return open_mnist(config.name, config.root, stored);
    case DatasetName::kCifar10:
    case DatasetName::kCifar100:
      return open_cifar(config.name, config.root, stored);
    case DatasetName::kSynthetic:
      return make_shapes({.samples = synthetic_samples(config, stored)}, stored);
    default:
      break;
  }
  fail<ConfigError>("[data] unknown data set {}", static_cast<int>(config.name));
}

/// Data sets of two parts.
std::unique_ptr<Dataset> open_arrays(const DataConfig& config, Split split) {
  const bool is_held_out = split == Split::kVal && holds_out(config);
  const Split stored = split == Split::kTrain || is_held_out ? Split::kTrain : Split::kTest;
  std::unique_ptr<ArrayDataset> dataset = read_arrays(config, stored);
  if (stored == Split::kTrain && holds_out(config)) {
    std::vector<bool> chosen = held_out_of(dataset->labels(), config);
    if (!is_held_out) chosen.flip();
    dataset->select(chosen);
  }
  std::int64_t samples = split == Split::kTrain ? config.train_samples : config.test_samples;
  if (is_held_out) samples = std::min(samples, dataset->size());
  if (samples > 0) dataset->truncate(samples);
  return dataset;
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DataConfig& config, Split split) {
  switch (config.name) {
    case DatasetName::kImageFolder:
      return open_image_folder(config, split);
    case DatasetName::kImageMasks:
      return open_image_masks(config, split);
    case DatasetName::kVoc:
      return open_voc(config, split);
    case DatasetName::kCoco:
      return open_coco(config, split);
    case DatasetName::kYolo:
      return open_yolo(config, split);
    default:
      return open_arrays(config, split);
  }
}

bool validates_on_test(const DataConfig& config) {
  switch (config.name) {
    case DatasetName::kImageFolder:
      return image_folder_validates_on_test(config);
    case DatasetName::kImageMasks:
      return image_masks_validates_on_test(config);
    case DatasetName::kVoc:
      return voc_validates_on_test(config);
    case DatasetName::kCoco:
      return coco_validates_on_test(config);
    case DatasetName::kYolo:
      return yolo_validates_on_test(config);
    default:
      return !holds_out(config);
  }
}

std::vector<std::string> dataset_classes(const DataConfig& config) {
  switch (config.name) {
    case DatasetName::kImageFolder:
      return image_folder_classes(config);
    case DatasetName::kImageMasks:
      return image_masks_classes(config);
    case DatasetName::kVoc:
      return voc_classes(config);
    case DatasetName::kCoco:
      return coco_classes(config);
    case DatasetName::kYolo:
      return yolo_classes(config);
    default:
      return dataset_info(config).class_names;
  }
}

}  // namespace tessera
