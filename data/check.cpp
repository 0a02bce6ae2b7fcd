#include "data/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "data/hash.h"

namespace tessera {
namespace {

/// Finds samples by their pixels; equal hashes are confirmed byte by byte.
class PixelIndex {
 public:
  explicit PixelIndex(const Dataset& dataset) : dataset_(dataset) {}

  void insert(std::int64_t sample) {
    Image buffer;
    samples_.emplace(hash_bytes(dataset_.read(sample, buffer).pixels), sample);
  }

  bool contains(const ImageView& image) const {
    Image buffer;
    const auto [begin, end] = samples_.equal_range(hash_bytes(image.pixels));
    return std::any_of(begin, end, [&](const auto& entry) {
      const ImageView found = dataset_.read(entry.second, buffer);
      return found.shape == image.shape && std::equal(found.pixels.begin(), found.pixels.end(),
                                                      image.pixels.begin(), image.pixels.end());
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
  double count = 0.0;
  Image buffer;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::span<const std::uint8_t> pixels = dataset.read(i, buffer).pixels;
    count += static_cast<double>(pixels.size() / channels);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t at = c; at < pixels.size(); at += channels) {
        sum[c] += pixels[at];
        squares[c] += std::int64_t{pixels[at]} * pixels[at];
      }
    }
  }
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

DataReport check_dataset(const Dataset& dataset) {
  DataReport report;
  report.samples = dataset.size();
  report.class_counts.resize(static_cast<std::size_t>(dataset.num_classes()));
  PixelIndex seen(dataset);
  Image buffer;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    ++report.class_counts[static_cast<std::size_t>(dataset.label(i))];
    if (seen.contains(dataset.read(i, buffer))) {
      ++report.duplicates;
    } else {
      seen.insert(i);
    }
  }
  for (std::size_t c = 0; c < report.class_counts.size(); ++c) {
    if (report.class_counts[c] == 0) report.empty_classes.push_back(dataset.class_names()[c]);
  }
  report.measured = measure(dataset);
  report.hash = dataset.fingerprint();
  return report;
}

std::int64_t count_shared(const Dataset& dataset, const Dataset& other) {
  PixelIndex index(other);
  for (std::int64_t i = 0; i < other.size(); ++i) index.insert(i);
  std::int64_t shared = 0;
  Image buffer;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    if (index.contains(dataset.read(i, buffer))) ++shared;
  }
  return shared;
}

}  // namespace tessera
