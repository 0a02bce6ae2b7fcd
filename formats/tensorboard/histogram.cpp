#include "formats/tensorboard/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace tessera::tensorboard {

Histogram histogram_of(std::span<const std::span<const float>> parts, float scale) {
  Histogram histogram;
  double count = 0.0;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const std::span<const float> part : parts) {
    for (const float plain : part) {
      const float value = plain * scale;
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      histogram.sum += double{value};
      histogram.sum_squares += double{value} * double{value};
      count += 1.0;
    }
  }
  if (count == 0.0) return histogram;
  histogram.min = double{low};
  histogram.max = double{high};
  const double width = (histogram.max - histogram.min) / Histogram::kBuckets;
  if (!(width > 0.0)) {
    histogram.limits = {histogram.max};
    histogram.counts = {count};
    return histogram;
  }
  for (int i = 1; i < Histogram::kBuckets; ++i) {
    histogram.limits.push_back(histogram.min + width * i);
  }
  histogram.limits.push_back(histogram.max);
  histogram.counts.assign(Histogram::kBuckets, 0.0);
  const double per_width = 1.0 / width;
  for (const std::span<const float> part : parts) {
    for (const float plain : part) {
      const float value = plain * scale;
      if (!std::isfinite(value)) continue;
      const auto bucket = static_cast<std::size_t>((double{value} - histogram.min) * per_width);
      histogram.counts[std::min<std::size_t>(bucket, Histogram::kBuckets - 1)] += 1.0;
    }
  }
  return histogram;
}

}  // namespace tessera::tensorboard
