#include <doctest/doctest.h>

#include <cmath>

#include "train/metrics_file.h"

namespace tessera {
namespace {

EvaluationRecord record(double loss, double top1, double top5) {
  EvaluationRecord record;
  record.metrics.set("val/loss", loss);
  record.metrics.set("val/top1", top1);
  record.metrics.set("val/top5", top5);
  return record;
}

TEST_CASE("best evaluation: by the chosen measure; what is as good is not better") {
  const EvaluationRecord records[] = {record(1.0, 0.5, 0.8), record(0.9, 0.4, 0.9),
                                      record(0.9, 0.6, 0.7), record(1.2, 0.6, 0.95)};
  struct Case {
    const char* best_by;
    bool better[4];
    double best;
    std::int64_t waited;
  };
  for (const Case& c : {Case{"top1", {true, false, true, false}, 0.6, 1},
                        Case{"top5", {true, true, false, true}, 0.95, 0},
                        Case{"loss", {true, true, false, false}, 0.9, 2}}) {
    BestEvaluation best(c.best_by);
    for (std::size_t i = 0; i < 4; ++i) CHECK(best.add(records[i]) == c.better[i]);
    CHECK(best.measure(*best.best()) == c.best);
    CHECK(best.waited() == c.waited);
  }
}

TEST_CASE("best evaluation: a number is better than none") {
  BestEvaluation best("loss");
  CHECK(best.add(record(std::nan(""), 0.1, 0.1)));
  CHECK_FALSE(best.add(record(std::nan(""), 0.1, 0.1)));
  CHECK(best.add(record(5.0, 0.1, 0.1)));
  CHECK_FALSE(best.add(record(std::nan(""), 0.1, 0.1)));
  CHECK(best.waited() == 1);
}

}  // namespace
}  // namespace tessera
