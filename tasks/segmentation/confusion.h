// How well classes of pixels are predicted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

/// How one class fares. Shares are 0..1, NaN where there is nothing to divide by.
struct PixelScore {
  std::int64_t truth = 0;      ///< pixels that have the class
  std::int64_t predicted = 0;  ///< pixels that were taken for it
  double iou = 0.0;            ///< both over either; NaN where neither truth nor prediction has it
  double recall = 0.0;         ///< share of its pixels that were found: the class's accuracy
  double precision = 0.0;
  double dice = 0.0;  ///< harmonic mean of recall and precision
};

/// Counts of pixels by true and predicted class, summed over a whole set: figures of a set are not
/// means of figures of images.
class Confusion {
 public:
  /// Pixels whose truth is `ignored` are left out. There are 1 to 256 classes.
  explicit Confusion(std::int64_t num_classes, std::int32_t ignored = 255);

  /// Of as many pixels. Throws ShapeError if there are not; DataError naming the first pixel that
  /// is neither a class nor, in the truth, ignored.
  void add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> prediction);
  void add(std::span<const std::int32_t> truth, std::span<const std::int32_t> prediction);

  /// Adds the counts of another with as many classes. Throws ShapeError.
  void merge(const Confusion& other);

  /// See Meter.
  template <typename State>
  void exchange(State& state) {
    state(counts_);
  }

  PixelScore class_score(std::int64_t k) const;

  /// Means over classes that have a figure: a class that neither truth nor prediction has is left
  /// out, one that is predicted and nowhere true counts as IoU 0 (as in mmsegmentation). NaN
  /// without any.
  double mean_iou() const;
  double mean_accuracy() const;  ///< of class_score().recall

  double pixel_accuracy() const;          ///< share of right pixels
  double frequency_weighted_iou() const;  ///< IoU weighted by the true pixels of a class

  std::int64_t num_classes() const { return num_classes_; }
  std::int64_t pixels() const;

  /// [K, K]: row is the truth, column the prediction.
  const std::vector<std::int64_t>& counts() const { return counts_; }

 private:
  template <typename T>
  void count(std::span<const T> truth, std::span<const T> prediction);
  std::int64_t at(std::int64_t truth, std::int64_t predicted) const {
    return counts_[static_cast<std::size_t>(truth * num_classes_ + predicted)];
  }

  std::int64_t num_classes_;
  std::int32_t ignored_;
  std::vector<std::int64_t> counts_;
};

}  // namespace tessera
