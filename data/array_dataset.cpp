#include "data/array_dataset.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <numeric>
#include <utility>

#include "core/checksum.h"
#include "core/error.h"

namespace tessera {

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
  numbers_.resize(labels_.size());
  std::iota(numbers_.begin(), numbers_.end(), std::int64_t{0});
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

std::string ArrayDataset::sample_name(std::int64_t i) const {
  return fmt::format("{}#{}", part_, numbers_[static_cast<std::size_t>(i)]);
}

void ArrayDataset::name_samples(std::string part) { part_ = std::move(part); }

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
  numbers_.resize(static_cast<std::size_t>(samples));
}

void ArrayDataset::select(const std::vector<bool>& chosen) {
  assert(chosen.size() == labels_.size());
  const auto bytes = static_cast<std::ptrdiff_t>(image().numel());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!chosen[i]) continue;
    const auto from = pixels_.begin() + static_cast<std::ptrdiff_t>(i) * bytes;
    if (kept < i) {
      std::copy_n(from, bytes, pixels_.begin() + static_cast<std::ptrdiff_t>(kept) * bytes);
    }
    labels_[kept] = labels_[i];
    numbers_[kept++] = numbers_[i];
  }
  truncate(static_cast<std::int64_t>(kept));
}

}  // namespace tessera
