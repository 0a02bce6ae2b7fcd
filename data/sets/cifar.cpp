#include "data/sets/cifar.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "files/file.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPlane = 32 * 32;
constexpr std::size_t kImage = 3 * kPlane;

struct CifarLayout {
  std::vector<std::string> files;
  CifarRecords records;  ///< of each file
  std::string names_file;
  FolderSearch search;
};

CifarLayout layout_of(DatasetName name, Split split) {
  if (name == DatasetName::kCifar100) {
    const bool train = split == Split::kTrain;
    return {{train ? "train.bin" : "test.bin"},
            {.count = train ? std::size_t{50000} : std::size_t{10000},
             .label_bytes = 2,
             .num_classes = 100},
            "fine_label_names.txt",
            {"cifar100",
             train ? "train.bin" : "test.bin",
             {"cifar-100-binary", "cifar100", "cifar100/cifar-100-binary"},
             "unpack cifar-100-binary.tar.gz and set data.root to its folder"}};
  }
  std::vector<std::string> files = {"test_batch.bin"};
  if (split == Split::kTrain) {
    files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
             "data_batch_5.bin"};
  }
  return {std::move(files),
          {.count = 10000, .label_bytes = 1, .num_classes = 10},
          "batches.meta.txt",
          {"cifar10",
           split == Split::kTrain ? "data_batch_1.bin" : "test_batch.bin",
           {"cifar-10-batches-bin", "cifar10", "cifar10/cifar-10-batches-bin"},
           "unpack cifar-10-binary.tar.gz and set data.root to its folder"}};
}

}  // namespace

std::vector<std::string> parse_class_names(std::span<const std::uint8_t> bytes,
                                           std::string_view file, std::int64_t expected) {
  std::vector<std::string> names;
  std::string line;
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    if (i < bytes.size() && bytes[i] != '\n') {
      if (bytes[i] != '\r') line.push_back(static_cast<char>(bytes[i]));
      continue;
    }
    if (!is_printable(line)) {
      fail<DataError>("[cifar] {}: class {} cannot be shown: no UTF-8, or control characters", file,
                      quoted(line));
    }
    if (!line.empty()) names.push_back(std::move(line));
    line.clear();
  }
  if (static_cast<std::int64_t>(names.size()) != expected) {
    fail<DataError>("[cifar] {}: {} class names, expected {}", file, names.size(), expected);
  }
  return names;
}

void append_cifar(std::span<const std::uint8_t> bytes, std::string_view file,
                  const CifarRecords& records, std::vector<std::uint8_t>& pixels,
                  std::vector<std::uint8_t>& labels) {
  const std::size_t record_bytes = records.label_bytes + kImage;
  if (bytes.size() != records.count * record_bytes) {
    fail<DataError>("[cifar] {}: {} bytes expected ({} records of {}), found {}", file,
                    records.count * record_bytes, records.count, record_bytes, bytes.size());
  }
  std::size_t out = pixels.size();
  pixels.resize(out + records.count * kImage);
  for (std::size_t i = 0; i < records.count; ++i) {
    const auto record = bytes.subspan(i * record_bytes, record_bytes);
    const std::uint8_t label = record[records.label_bytes - 1];
    if (label >= records.num_classes) {
      fail<DataError>("[cifar] {}: label {} of record {} is not below {}", file, label, i,
                      records.num_classes);
    }
    labels.push_back(label);
    const std::uint8_t* planes = record.data() + records.label_bytes;
    for (std::size_t p = 0; p < kPlane; ++p) {
      pixels[out++] = planes[p];
      pixels[out++] = planes[kPlane + p];
      pixels[out++] = planes[2 * kPlane + p];
    }
  }
}

std::vector<std::string> cifar100_class_names() {
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

std::unique_ptr<ArrayDataset> open_cifar(DatasetName name, const std::string& root, Split split) {
  DatasetInfo info = dataset_info(name);
  const CifarLayout layout = layout_of(name, split);
  const fs::path folder = find_folder(layout.search, root);
  std::error_code ignored;
  if (const fs::path names = folder / layout.names_file; fs::exists(names, ignored)) {
    info.class_names = parse_class_names(read_file(names, std::size_t{1} << 20),
                                         shown(names.string()), info.num_classes());
  }
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
  pixels.reserve(layout.files.size() * layout.records.count * kImage);
  for (const std::string& file : layout.files) {
    const fs::path path = plain_or_gzip(folder, file);
    append_cifar(read_file(path, std::size_t{1} << 28), shown(path.string()), layout.records,
                 pixels, labels);
  }
  return std::make_unique<ArrayDataset>(std::move(info), std::move(pixels), std::move(labels));
}

}  // namespace tessera
