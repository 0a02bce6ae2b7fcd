#include "data/known_sets.h"

#include <array>
#include <cstddef>
#include <utility>

#include "core/error.h"
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

std::unique_ptr<ArrayDataset> read_mnist(const DataConfig& config, Split part) {
  return open_mnist(config.name, config.root, part);
}

std::unique_ptr<ArrayDataset> read_cifar(const DataConfig& config, Split part) {
  return open_cifar(config.name, config.root, part);
}

/// Images of any size: 224 x 224 as long as no model says otherwise.
DatasetInfo photos(std::string name) {
  return {std::move(name), {224, 224, 3}, {}, photo_normalization(3), 0, 0};
}

KnownSet make_set(DatasetName name) {
  switch (name) {
    case DatasetName::kFashionMnist:
      return {.info = {"fashion_mnist",
                       {28, 28, 1},
                       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                        "Sneaker", "Bag", "Ankle boot"},
                       {{0.2860f}, {0.3530f}},
                       60000,
                       10000},
              .read = read_mnist};
    case DatasetName::kMnist:
      return {.info = {"mnist",
                       {28, 28, 1},
                       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
                       {{0.1307f}, {0.3081f}},
                       60000,
                       10000},
              .read = read_mnist};
    case DatasetName::kCifar10:
      return {.info = {"cifar10",
                       {32, 32, 3},
                       {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                        "ship", "truck"},
                       {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}},
                       50000,
                       10000},
              .read = read_cifar};
    case DatasetName::kCifar100:
      return {.info = {"cifar100",
                       {32, 32, 3},
                       cifar100_class_names(),
                       {{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}},
                       50000,
                       10000},
              .read = read_cifar};
    case DatasetName::kSynthetic:
      return {.info = {"synthetic",
                       {32, 32, 3},
                       {"circle", "square", "triangle", "cross"},
                       {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
                       4096,
                       1024},
              .read = open_synthetic};
    case DatasetName::kImageFolder:
      return {.info = photos("image_folder"),
              .open = open_image_folder,
              .classes = image_folder_classes,
              .validates_on_test = image_folder_validates_on_test};
    case DatasetName::kImageMasks:
      return {.info = photos("image_masks"),
              .target = TargetKind::kMask,
              .open = open_image_masks,
              .classes = image_masks_classes,
              .validates_on_test = image_masks_validates_on_test};
    case DatasetName::kVoc:
      return {.info = photos("voc"),
              .target = TargetKind::kBoxes,
              .open = open_voc,
              .classes = voc_classes,
              .validates_on_test = voc_validates_on_test};
    case DatasetName::kCoco:
      return {.info = photos("coco"),
              .target = TargetKind::kBoxes,
              .open = open_coco,
              .classes = coco_classes,
              .validates_on_test = coco_validates_on_test};
    case DatasetName::kYolo:
      return {.info = photos("yolo"),
              .target = TargetKind::kBoxes,
              .open = open_yolo,
              .classes = yolo_classes,
              .validates_on_test = yolo_validates_on_test};
  }
  fail<ConfigError>("[data] unknown data set {}", static_cast<int>(name));
}

}  // namespace

const KnownSet& known_set(DatasetName name) {
  static const std::array<KnownSet, kDatasetNames> sets = [] {
    std::array<KnownSet, kDatasetNames> all;
    for (int i = 0; i < kDatasetNames; ++i) {
      all[static_cast<std::size_t>(i)] = make_set(static_cast<DatasetName>(i));
    }
    return all;
  }();
  return sets.at(static_cast<std::size_t>(name));
}

Normalization photo_normalization(std::int64_t channels) {
  if (channels == 1) return {{0.459f}, {0.226f}};
  return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
}

}  // namespace tessera
