#include "train/best_evaluation.h"

#include <cmath>

namespace tessera {

bool BestEvaluation::add(const EvaluationRecord& record) {
  const Metric* metric = record.metrics.find(best_by_);
  const double sign = metric != nullptr && metric->smaller_is_better ? -1.0 : 1.0;
  const double value = sign * measure(record);
  const double before = best_ ? sign * measure(*best_) : std::nan("");
  const bool better = !best_ || value > before || (std::isnan(before) && !std::isnan(value));
  if (better) best_ = record;
  waited_ = better ? 0 : waited_ + 1;
  return better;
}

}  // namespace tessera
