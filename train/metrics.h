// How good predictions are.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace tessera {

/// Counts over the samples seen so far.
class Metrics {
 public:
  explicit Metrics(std::int64_t num_classes);

  /// logits [B, K], labels [B]. The loss is the mean cross entropy without label smoothing.
  void add(const Tensor& logits, const Tensor& labels);

  std::int64_t samples() const { return samples_; }
  double top1() const;  ///< share of samples, 0..1
  double top5() const;  ///< share of samples whose label is among the five largest logits
  double loss() const;

  /// [K, K]: row is the label, column the prediction.
  const std::vector<std::int64_t>& confusion() const { return confusion_; }
  std::int64_t num_classes() const { return num_classes_; }

 private:
  std::int64_t num_classes_;
  std::int64_t samples_ = 0;
  std::int64_t top1_ = 0;
  std::int64_t top5_ = 0;
  double loss_sum_ = 0.0;
  std::vector<std::int64_t> confusion_;
};

/// Number of rows of logits [B, K] whose largest element is at the label.
std::int64_t count_correct(const Tensor& logits, const Tensor& labels);

}  // namespace tessera
