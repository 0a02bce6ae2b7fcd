#include "train/best_evaluation.h"

#include <cmath>

namespace tessera {

double measure(const EvaluationRecord& record, BestBy best_by) {
  switch (best_by) {
    case BestBy::kTop1:
      return record.test_top1;
    case BestBy::kTop5:
      return record.test_top5;
    case BestBy::kLoss:
      break;
  }
  return record.test_loss;
}

bool BestEvaluation::add(const EvaluationRecord& record) {
  const double sign = best_by_ == BestBy::kLoss ? -1.0 : 1.0;
  const double value = sign * measure(record, best_by_);
  const double before = best_ ? sign * measure(*best_, best_by_) : std::nan("");
  const bool better = !best_ || value > before || (std::isnan(before) && !std::isnan(value));
  if (better) best_ = record;
  waited_ = better ? 0 : waited_ + 1;
  return better;
}

}  // namespace tessera
