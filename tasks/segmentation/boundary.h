// How well the borders between classes are predicted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

/// Boundary IoU (arXiv:2103.16562) of each class, summed over a set: a class's pixels that have
/// another class within `distance` rows and columns, of the truth and of the prediction; both over
/// either. The edge of the image is no border, and neither are pixels whose truth is ignored, which
/// are left out. Large areas that are right do not hide borders that are wrong.
class BoundaryScore {
 public:
  explicit BoundaryScore(std::int64_t num_classes, std::int64_t distance = 3,
                         std::int32_t ignored = 255);

  /// Maps [height, width]. Throws ShapeError unless both are of that size, DataError naming a value
  /// that is no class.
  void add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> prediction,
           std::int64_t height, std::int64_t width);

  /// Adds the counts of another with as many classes. Throws ShapeError.
  void merge(const BoundaryScore& other);

  /// See Meter.
  template <typename State>
  void exchange(State& state) {
    state(both_);
    state(either_);
  }

  /// NaN where neither truth nor prediction has a border of the class.
  double iou(std::int64_t k) const;

  /// Over the classes that have a figure.
  double mean_iou() const;

 private:
  std::int64_t distance_;
  std::int32_t ignored_;
  std::vector<std::int64_t> both_, either_;  // by class
};

}  // namespace tessera
