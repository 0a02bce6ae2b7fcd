#include "tasks/segmentation/boundary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

using Map = std::vector<std::uint8_t>;

/// Of each place, the extreme of `pick` over the places within `distance`, along rows or columns.
template <typename Pick>
Map extreme_along(const Map& map, std::int64_t count, std::int64_t length, std::int64_t step,
                  std::int64_t stride, std::int64_t distance, const Pick& pick) {
  Map result(map.size());
  for (std::int64_t line = 0; line < count; ++line) {
    const std::uint8_t* from = map.data() + line * stride;
    std::uint8_t* to = result.data() + line * stride;
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t last = std::min(length - 1, i + distance);
      std::uint8_t value = from[i * step];
      for (std::int64_t j = std::max<std::int64_t>(0, i - distance); j <= last; ++j) {
        value = pick(value, from[j * step]);
      }
      to[i * step] = value;
    }
  }
  return result;
}

template <typename Pick>
Map extreme_around(const Map& map, std::int64_t height, std::int64_t width, std::int64_t distance,
                   const Pick& pick) {
  const Map rows = extreme_along(map, height, width, 1, width, distance, pick);
  return extreme_along(rows, width, height, width, 1, distance, pick);
}

/// 1 where another class lies within `distance`; ignored places count as any class.
Map near_border(std::span<const std::uint8_t> classes, const std::vector<char>& counted,
                std::int64_t height, std::int64_t width, std::int64_t distance) {
  Map low(classes.size(), 255), high(classes.size(), 0);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (counted[i] != 0) low[i] = high[i] = classes[i];
  }
  low = extreme_around(low, height, width, distance,
                       [](std::uint8_t a, std::uint8_t b) { return std::min(a, b); });
  high = extreme_around(high, height, width, distance,
                        [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  Map result(classes.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = low[i] < high[i] ? 1 : 0;
  return result;
}

}  // namespace

BoundaryScore::BoundaryScore(std::int64_t num_classes, std::int64_t distance, std::int32_t ignored)
    : distance_(distance),
      ignored_(ignored),
      both_(static_cast<std::size_t>(num_classes)),
      either_(both_) {}

void BoundaryScore::add(std::span<const std::uint8_t> truth,
                        std::span<const std::uint8_t> prediction, std::int64_t height,
                        std::int64_t width) {
  const auto pixels = static_cast<std::size_t>(height * width);
  if (truth.size() != pixels || prediction.size() != pixels) {
    fail<ShapeError>("[boundary] truth of {} and prediction of {} pixels are not {} x {}",
                     truth.size(), prediction.size(), height, width);
  }
  std::vector<char> counted(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    counted[i] = truth[i] != ignored_ ? 1 : 0;
    if (counted[i] != 0 && std::max(truth[i], prediction[i]) >= both_.size()) {
      fail<DataError>("[boundary] pixel {}: truth {}, prediction {}; classes are 0 to {}", i,
                      truth[i], prediction[i], both_.size() - 1);
    }
  }
  const Map truth_near = near_border(truth, counted, height, width, distance_);
  const Map prediction_near = near_border(prediction, counted, height, width, distance_);
  for (std::size_t i = 0; i < pixels; ++i) {
    if (counted[i] == 0) continue;
    const bool of_truth = truth_near[i] != 0, of_prediction = prediction_near[i] != 0;
    if (of_truth) ++either_[truth[i]];
    if (of_prediction && !(of_truth && truth[i] == prediction[i])) ++either_[prediction[i]];
    if (of_truth && of_prediction && truth[i] == prediction[i]) ++both_[truth[i]];
  }
}

void BoundaryScore::merge(const BoundaryScore& other) {
  if (other.both_.size() != both_.size()) {
    fail<ShapeError>("[boundary] {} classes and {} cannot be added", both_.size(),
                     other.both_.size());
  }
  for (std::size_t k = 0; k < both_.size(); ++k) {
    both_[k] += other.both_[k];
    either_[k] += other.either_[k];
  }
}

double BoundaryScore::iou(std::int64_t k) const {
  const auto at = static_cast<std::size_t>(k);
  if (either_[at] == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(both_[at]) / static_cast<double>(either_[at]);
}

double BoundaryScore::mean_iou() const {
  double sum = 0.0, known = 0.0;
  for (std::size_t k = 0; k < both_.size(); ++k) {
    if (either_[k] == 0) continue;
    sum += iou(static_cast<std::int64_t>(k));
    known += 1.0;
  }
  return known == 0.0 ? std::numeric_limits<double>::quiet_NaN() : sum / known;
}

}  // namespace tessera
