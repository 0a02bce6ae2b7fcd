#include "data/dataset_info.h"

#include <cmath>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

std::vector<std::string> cifar100_names() {
  return {"apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
          "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
          "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
          "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
          "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
          "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
          "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
          "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
          "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
          "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
          "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
          "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
          "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
          "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
          "table",       "tank",          "telephone", "television", "tiger",        "tractor",
          "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
          "willow_tree", "wolf",          "woman",     "worm"};
}

/// Of photos, in red, green and blue or as grey (the luma of the three).
Normalization imagenet_normalization(std::int64_t channels) {
  if (channels == 1) return {{0.459f}, {0.226f}};
  return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
}

DatasetInfo of_files(std::string name) {
  return {std::move(name), {224, 224, 3}, {}, imagenet_normalization(3), 0, 0};
}

void check_normalization(const DatasetInfo& info, const Normalization& normalization) {
  const auto check = [&](const char* key, const std::vector<float>& values) {
    if (static_cast<std::int64_t>(values.size()) != info.image.channels) {
      fail<ConfigError>("[data] {} has {} values, {} has {} channels", key, values.size(),
                        info.name, info.image.channels);
    }
    for (const float value : values) {
      if (!std::isfinite(value)) fail<ConfigError>("[data] {} holds {}", key, value);
    }
  };
  check("mean", normalization.mean);
  check("std", normalization.std);
  for (const float value : normalization.std) {
    if (value <= 0.0f) fail<ConfigError>("[data] std must be positive, found {}", value);
  }
}

}  // namespace

DatasetInfo dataset_info(DatasetName name) {
  switch (name) {
    case DatasetName::kFashionMnist:
      return {"fashion_mnist",
              {28, 28, 1},
              {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
               "Bag", "Ankle boot"},
              {{0.2860f}, {0.3530f}},
              60000,
              10000};
    case DatasetName::kMnist:
      return {"mnist",
              {28, 28, 1},
              {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
              {{0.1307f}, {0.3081f}},
              60000,
              10000};
    case DatasetName::kCifar10:
      return {"cifar10",
              {32, 32, 3},
              {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
               "truck"},
              {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}},
              50000,
              10000};
    case DatasetName::kCifar100:
      return {"cifar100",
              {32, 32, 3},
              cifar100_names(),
              {{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}},
              50000,
              10000};
    case DatasetName::kSynthetic:
      return {"synthetic",
              {32, 32, 3},
              {"circle", "square", "triangle", "cross"},
              {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
              4096,
              1024};
    case DatasetName::kImageFolder:
      return of_files("image_folder");
    case DatasetName::kImageMasks:
      return of_files("image_masks");
    case DatasetName::kVoc:
      return of_files("voc");
    case DatasetName::kCoco:
      return of_files("coco");
    case DatasetName::kYolo:
      return of_files("yolo");
  }
  fail<ConfigError>("[data] unknown data set {}", static_cast<int>(name));
}

TargetKind target_kind_of(DatasetName name) {
  switch (name) {
    case DatasetName::kImageMasks:
      return TargetKind::kMask;
    case DatasetName::kVoc:
    case DatasetName::kCoco:
    case DatasetName::kYolo:
      return TargetKind::kBoxes;
    default:
      return TargetKind::kClass;
  }
}

bool lies_in_files(DatasetName name) {
  return name == DatasetName::kImageFolder || target_kind_of(name) != TargetKind::kClass;
}

DatasetInfo dataset_info(const DataConfig& config) {
  DatasetInfo info = dataset_info(config.name);
  if (!lies_in_files(config.name)) return info;
  info.class_names = config.classes;
  if (config.image.numel() > 0) info.image = config.image;
  info.normalization = imagenet_normalization(info.image.channels);
  return info;
}

Normalization normalization_of(const DataConfig& config) {
  const DatasetInfo info = dataset_info(config);
  Normalization normalization = info.normalization;
  if (!config.mean.empty()) normalization.mean = config.mean;
  if (!config.std.empty()) normalization.std = config.std;
  check_normalization(info, normalization);
  return normalization;
}

}  // namespace tessera
