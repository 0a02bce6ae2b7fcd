#include "data/check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <unordered_map>

namespace tessera {
namespace {

/// Finds samples by their pixels; equal hashes are confirmed byte by byte.
class PixelIndex {
 public:
  explicit PixelIndex(const Dataset& dataset) : dataset_(dataset) {}

  void insert(std::int64_t sample) {
    samples_.emplace(hash_bytes(dataset_.pixels(sample)), sample);
  }

  bool contains(std::span<const std::uint8_t> pixels) const {
    const auto [begin, end] = samples_.equal_range(hash_bytes(pixels));
    return std::any_of(begin, end, [&](const auto& entry) {
      const std::span<const std::uint8_t> found = dataset_.pixels(entry.second);
      return std::equal(found.begin(), found.end(), pixels.begin(), pixels.end());
    });
  }

 private:
  const Dataset& dataset_;
  std::unordered_multimap<std::uint64_t, std::int64_t> samples_;
};

Normalization measure(const Dataset& dataset) {
  const auto channels = static_cast<std::size_t>(dataset.image().channels);
  std::vector<std::int64_t> sum(channels);
  std::vector<std::int64_t> squares(channels);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::span<const std::uint8_t> pixels = dataset.pixels(i);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t at = c; at < pixels.size(); at += channels) {
        sum[c] += pixels[at];
        squares[c] += std::int64_t{pixels[at]} * pixels[at];
      }
    }
  }
  const ImageShape& image = dataset.image();
  const auto count = static_cast<double>(dataset.size() * image.height * image.width);
  Normalization measured;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sum[c]) / count;
    const double variance = static_cast<double>(squares[c]) / count - mean * mean;
    measured.mean.push_back(static_cast<float>(mean / 255.0));
    measured.std.push_back(static_cast<float>(std::sqrt(std::max(0.0, variance)) / 255.0));
  }
  return measured;
}

}  // namespace

std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15u;  // odd: every step is a bijection
  std::uint64_t hash = seed ^ (bytes.size() * kMultiplier);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, &bytes[at], std::min<std::size_t>(8, bytes.size() - at));
    hash = std::rotl(hash ^ word, 29) * kMultiplier;
    hash ^= hash >> 32;
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;  // the finisher of MurmurHash3
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

std::uint64_t hash_dataset(const Dataset& dataset) {
  std::uint64_t hash = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    hash = hash_bytes(dataset.pixels(i), hash ^ static_cast<std::uint64_t>(dataset.label(i)));
  }
  return hash;
}

DataReport check_dataset(const Dataset& dataset) {
  DataReport report;
  report.samples = dataset.size();
  report.class_counts.resize(static_cast<std::size_t>(dataset.num_classes()));
  PixelIndex seen(dataset);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    ++report.class_counts[static_cast<std::size_t>(dataset.label(i))];
    if (seen.contains(dataset.pixels(i))) {
      ++report.duplicates;
    } else {
      seen.insert(i);
    }
  }
  for (std::size_t c = 0; c < report.class_counts.size(); ++c) {
    if (report.class_counts[c] == 0) report.empty_classes.push_back(dataset.class_names()[c]);
  }
  report.measured = measure(dataset);
  report.hash = hash_dataset(dataset);
  return report;
}

std::int64_t count_shared(const Dataset& dataset, const Dataset& other) {
  PixelIndex index(other);
  for (std::int64_t i = 0; i < other.size(); ++i) index.insert(i);
  std::int64_t shared = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    if (index.contains(dataset.pixels(i))) ++shared;
  }
  return shared;
}

}  // namespace tessera
