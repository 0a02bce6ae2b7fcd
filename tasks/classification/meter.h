// How good a classifier's predictions are.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "tasks/task.h"

namespace tessera {

/// How one class fares. Shares are 0..1, NaN where there is nothing to divide by.
struct ClassScore {
  std::int64_t samples = 0;    ///< that have the class
  std::int64_t predicted = 0;  ///< that the model took for it
  double precision = 0.0;      ///< share of the predicted that have it
  double recall = 0.0;         ///< share of those that have it which were predicted
  double f1 = 0.0;             ///< harmonic mean of the two
};

/// The samples whose largest probability lies in one of `ClassificationMeter::kConfidenceBins`
/// equal parts of 0..1.
struct ConfidenceBin {
  std::int64_t samples = 0;
  std::int64_t correct = 0;
  double confidence_sum = 0.0;
};

/// Counts over the samples seen so far. Of equal logits the class of the lower number comes first,
/// in top-1 and top-5 alike. A sample of whose logits one is no number is wrong by all figures.
class ClassificationMeter final : public Meter {
 public:
  static constexpr std::size_t kConfidenceBins = 15;

  explicit ClassificationMeter(std::int64_t num_classes);

  /// logits [B, K], labels [B]. The loss is the mean cross entropy without label smoothing.
  void add(const Tensor& logits, const Tensor& labels);
  void add(std::span<const Tensor> outputs, const Batch& batch) override {
    add(outputs.front(), batch.labels);
  }

  void merge(const Meter& other) override;
  void exchange(MeterState& state) override;

  /// `loss`, `top1`, `top5`, `balanced_accuracy`, `macro_f1`
  Metrics values() const override;

  std::int64_t samples() const { return samples_; }
  double top1() const;  ///< share of samples, 0..1
  double top5() const;  ///< share of samples whose label is among the five first
  double loss() const;

  /// Mean recall of the classes that occur; of as many of each it is top1.
  double balanced_accuracy() const;

  /// Mean F1 of the classes that occur or are predicted.
  double macro_f1() const;

  /// Expected calibration error, 0..1: how far the largest probability is from the share of right
  /// answers, mean over the samples by bins of confidence, arXiv:1706.04599 section 2.
  double calibration_error() const;
  const std::array<ConfidenceBin, kConfidenceBins>& confidence_bins() const { return bins_; }

  ClassScore class_score(std::int64_t k) const;

  /// [K, K]: row is the label, column the prediction; without samples whose logits are no numbers.
  const std::vector<std::int64_t>& confusion() const { return confusion_; }
  std::int64_t num_classes() const { return num_classes_; }

 private:
  std::int64_t num_classes_;
  std::int64_t samples_ = 0;
  std::int64_t top1_ = 0;
  std::int64_t top5_ = 0;
  ExactSum loss_sum_;
  std::array<ConfidenceBin, kConfidenceBins> bins_{};
  std::vector<std::int64_t> confusion_;
  std::vector<std::int64_t> unanswered_;  ///< [K]: samples by label whose logits are no numbers
};

/// What a model takes one sample for.
struct Prediction {
  std::int64_t predicted = 0;  ///< the class with the largest logit, the first of several
  double confidence = 0.0;     ///< its probability
};

/// Of the logits [K] of one sample.
Prediction prediction_of(std::span<const float> logits);

/// softmax(logits) of one sample, [K].
std::vector<double> probabilities_of(std::span<const float> logits);

/// Number of rows of logits [B, K] whose largest element, the first of several, is at the label; of
/// mixed images at that of the larger share, or at either of equal ones.
std::int64_t count_correct(const Tensor& logits, const Tensor& labels);
std::int64_t count_correct(const Tensor& logits, const Batch& batch);

}  // namespace tessera
