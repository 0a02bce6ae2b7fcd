// Which evaluation of a run is the best one, and for how long none was better.
#pragma once

#include <optional>

#include "train/metrics_file.h"
#include "train/train_config.h"

namespace tessera {

/// What `best_by` compares, as it was measured: top-1, top-5 (0..1) or loss.
double measure(const EvaluationRecord& record, BestBy best_by);

class BestEvaluation {
 public:
  explicit BestEvaluation(BestBy best_by) : best_by_(best_by) {}

  /// Takes in the next evaluation; true if it is better than all before: a larger share, a smaller
  /// loss. What is no number is worse than any.
  bool add(const EvaluationRecord& record);

  const std::optional<EvaluationRecord>& best() const { return best_; }

  /// Evaluations since the best one.
  std::int64_t waited() const { return waited_; }

 private:
  BestBy best_by_;
  std::optional<EvaluationRecord> best_;
  std::int64_t waited_ = 0;
};

}  // namespace tessera
