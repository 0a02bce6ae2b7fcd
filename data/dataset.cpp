#include "data/dataset.h"

#include <cassert>

#include "core/error.h"
#include "data/files/hash.h"
#include "data/sets/cifar.h"
#include "data/sets/idx.h"
#include "data/sets/image_folder.h"
#include "data/sets/synthetic.h"

namespace tessera {
namespace {

std::unique_ptr<ArrayDataset> read_dataset(const DataConfig& config, Split split,
                                           std::int64_t samples) {
  switch (config.name) {
    case DatasetName::kFashionMnist:
    case DatasetName::kMnist:
      return open_mnist(config.name, config.root, split);
    case DatasetName::kCifar10:
    case DatasetName::kCifar100:
      return open_cifar(config.name, config.root, split);
    case DatasetName::kSynthetic:
      return make_shapes({.samples = samples}, split);
    case DatasetName::kImageFolder:
      break;  // its images stay in their files
  }
  fail<ConfigError>("[data] unknown data set {}", static_cast<int>(config.name));
}

}  // namespace

ArrayDataset::ArrayDataset(DatasetInfo info, std::vector<std::uint8_t> pixels,
                           std::vector<std::uint8_t> labels)
    : Dataset(std::move(info)), pixels_(std::move(pixels)), labels_(std::move(labels)) {
  if (static_cast<std::int64_t>(pixels_.size()) != size() * image().numel()) {
    fail<DataError>("[{}] {} labels of {} x {} x {} images, but {} bytes of pixels", name(), size(),
                    image().height, image().width, image().channels, pixels_.size());
  }
  for (std::int64_t i = 0; i < size(); ++i) {
    if (label(i) >= num_classes()) {
      fail<DataError>("[{}] label {} of sample {} is not below the {} classes", name(), label(i), i,
                      num_classes());
    }
  }
}

std::span<const std::uint8_t> ArrayDataset::pixels(std::int64_t i) const {
  assert(i >= 0 && i < size());
  const auto bytes = static_cast<std::size_t>(image().numel());
  return std::span(pixels_).subspan(static_cast<std::size_t>(i) * bytes, bytes);
}

ImageView ArrayDataset::read(std::int64_t i, Image&) const { return {image(), pixels(i)}; }

std::int32_t ArrayDataset::label(std::int64_t i) const {
  assert(i >= 0 && i < size());
  return labels_[static_cast<std::size_t>(i)];
}

std::string ArrayDataset::sample_name(std::int64_t i) const { return fmt::format("sample {}", i); }

std::uint64_t ArrayDataset::fingerprint() const {
  std::uint64_t hash = 0;
  for (std::int64_t i = 0; i < size(); ++i) {
    hash = hash_bytes(pixels(i), hash ^ static_cast<std::uint64_t>(label(i)));
  }
  return hash;
}

void ArrayDataset::truncate(std::int64_t samples) {
  if (samples > size()) {
    fail<DataError>("[{}] {} samples asked for, the data set has {}", name(), samples, size());
  }
  pixels_.resize(static_cast<std::size_t>(samples * image().numel()));
  pixels_.shrink_to_fit();
  labels_.resize(static_cast<std::size_t>(samples));
}

std::unique_ptr<Dataset> open_dataset(const DataConfig& config, Split split) {
  const std::int64_t samples = split == Split::kTrain ? config.train_samples : config.test_samples;
  if (config.name == DatasetName::kImageFolder) return open_image_folder(config, split);
  std::unique_ptr<ArrayDataset> dataset = read_dataset(config, split, samples);
  if (samples > 0) dataset->truncate(samples);
  return dataset;
}

}  // namespace tessera
