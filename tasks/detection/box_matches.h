// What is right and wrong at one overlap: precision and recall over confidence, confusions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/sample.h"
#include "tasks/detection/detections.h"

namespace tessera {

/// Of the detections that score at least `score`.
struct OperatingPoint {
  double score = 1.0;
  std::int64_t right = 0;
  std::int64_t wrong = 0;
  std::int64_t truths = 0;

  double precision() const;  ///< NaN without detections
  double recall() const;     ///< NaN without truths
  double f1() const;         ///< harmonic mean of the two; 0 where nothing is right
};

/// Which truths of an image the detections take, see BoxMatches; -1: none.
struct BoxAssignment {
  std::vector<std::int64_t> of_class;  ///< among those of its class
  std::vector<std::int64_t> of_all;    ///< among all
  std::vector<bool> ignored;           ///< overlaps a crowd alone
};

/// `detections` by falling score.
BoxAssignment assign_boxes(std::span<const Box> truths, std::span<const Detection> detections);

/// Matched image by image at an overlap of 0.5: by falling score, each detection takes the best of
/// the truths that are left. Twice: among those of its class, for curves, and among all, for
/// confusions. What overlaps nothing but a crowd counts as neither right nor wrong. 16 bytes a
/// detection are kept.
class BoxMatches {
 public:
  static constexpr double kOverlap = 0.5;

  explicit BoxMatches(std::int64_t num_classes);

  /// Detections by falling score.
  void add(std::span<const Box> truths, std::span<const Detection> detections);
  void merge(const BoxMatches& other);

  /// See Meter.
  template <typename State>
  void exchange(State& state) {
    state(truths_);
    state(kept_);
  }

  std::int64_t num_classes() const { return static_cast<std::int64_t>(truths_.size()); }

  /// At each score that occurs, from the highest on.
  std::vector<OperatingPoint> curve(std::int64_t label) const;

  /// Of one class at a score.
  OperatingPoint point(std::int64_t label, double score) const;

  /// At which the mean F1 of the classes that have truths is best; 1 without any detection.
  double best_score() const;

  /// [K + 1, K + 1] of detections that score at least `score`: a row is a class, a column what it
  /// was taken for; the last row is what was invented, the last column what was missed.
  std::vector<std::int64_t> confusion(double score) const;

 private:
  struct Kept {
    float score;
    std::int32_t label;
    std::int32_t taken_for;  ///< the class of the truth that it took among all, -1: none
    bool right;
  };

  std::vector<std::int64_t> truths_;  ///< of each class
  std::vector<Kept> kept_;
};

}  // namespace tessera
