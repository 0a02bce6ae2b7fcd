// How values are spread.
#pragma once

#include <span>
#include <vector>

namespace tessera::tensorboard {

/// Counts of values in equal parts of the range that they fill.
struct Histogram {
  static constexpr int kBuckets = 60;  ///< TensorBoard shows 30

  double min = 0.0;
  double max = 0.0;
  double sum = 0.0;
  double sum_squares = 0.0;
  std::vector<double> limits;  ///< upper end of each part, the last of which is `max`
  std::vector<double> counts;
};

/// Of all values of `parts`, each times `scale`; those that are not finite do not count. Values
/// that are all the same are one part; without any value there is none.
Histogram histogram_of(std::span<const std::span<const float>> parts, float scale = 1.0f);

}  // namespace tessera::tensorboard
