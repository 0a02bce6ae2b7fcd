// Which evaluation of a run is the best one, and for how long none was better.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "train/metrics_file.h"

namespace tessera {

class BestEvaluation {
 public:
  /// `best_by` names a figure of the validation: `top1`, `loss`.
  explicit BestEvaluation(const std::string& best_by) : best_by_("val/" + best_by) {}

  /// What is compared, as it was measured; NaN if the record has no such figure.
  double measure(const EvaluationRecord& record) const { return record.metrics.value(best_by_); }

  /// Takes in the next evaluation; true if it is better than all before: a larger share, a smaller
  /// loss. What is no number is worse than any.
  bool add(const EvaluationRecord& record);

  const std::optional<EvaluationRecord>& best() const { return best_; }

  /// Evaluations since the best one.
  std::int64_t waited() const { return waited_; }

 private:
  std::string best_by_;
  std::optional<EvaluationRecord> best_;
  std::int64_t waited_ = 0;
};

}  // namespace tessera
