#include <doctest/doctest.h>

#include <cmath>

#include "study/output.h"
#include "tests/study/study_support.h"

namespace tessera {
namespace {

/// Three folds of two patch sizes; fold f of size p has the accuracy 0.5 + 0.1 f + 0.01 p.
StudyResults three_folds() {
  StudyResults results{test::study_of(R"(
axes:
  model.patch_size: [2, 4]
  data.fold: [0, 1, 2]
baseline: {model.patch_size: 4}
seeds: [0]
metrics: [val/top1]
)",
                                      {"data.folds=3"}),
                       {}};
  for (Cell& cell : make_grid(results.study)) {
    EvaluationRecord record;
    record.metrics.set("val/top1", 0.5 + 0.1 * static_cast<double>(cell.config.data.fold) +
                                       0.01 * static_cast<double>(cell.config.model.patch_size[0]));
    RunResult run;
    run.status = RunStatus::kDone;
    run.last = record;
    CellResult result;
    result.cell = std::move(cell);
    result.runs = {run};
    results.cells.push_back(std::move(result));
  }
  return results;
}

TEST_CASE("folds: the mean over them with its interval, and differences paired by fold") {
  const StudyResults results = three_folds();
  const std::vector<Folds> folds = folds_of(results);
  REQUIRE(folds.size() == 2);
  CHECK(folds[0].labels == std::vector<std::string>{"2"});
  CHECK(folds[0].cells == std::vector<std::size_t>{0, 1, 2});
  const Estimate mean = mean_of(results, folds[0], "val/top1");
  CHECK(mean.n == 3);
  CHECK(mean.mean == doctest::Approx(0.62));
  REQUIRE(mean.half_width);
  CHECK(*mean.half_width == doctest::Approx(4.302653 * 0.1 / std::sqrt(3.0)).epsilon(1e-5));
  const std::optional<Estimate> difference = difference_of(results, folds[0], "val/top1");
  REQUIRE(difference);
  CHECK(difference->mean == doctest::Approx(-0.02));
  CHECK(*difference->half_width == doctest::Approx(0.0).epsilon(1e-9));
  CHECK(!difference_of(results, folds[1], "val/top1"));
  const std::string table = result_table(results);
  CHECK(table.find("62.00 ± 24.84") != std::string::npos);
}

TEST_CASE("folds: of the test split all have the same images") {
  StudyResults results = three_folds();
  for (CellResult& cell : results.cells) {
    RunResult& run = cell.runs[0];
    for (const char* metric : {"val/top1", "test/top1"}) {
      run.last->metrics.set(metric, 0.5);
      run.right[metric] = "1100";
    }
  }
  const std::vector<Folds> folds = folds_of(results);
  const double error = std::sqrt(4.0 * 0.25 / 3.0 / 4.0);  // of the mean of four images
  CHECK(mean_of(results, folds[0], "val/top1").image_error ==
        doctest::Approx(error / std::sqrt(3.0)));
  CHECK(mean_of(results, folds[0], "test/top1").image_error == doctest::Approx(error));
}

TEST_CASE("folds: they are not compared with each other") {
  StudyResults results = three_folds();
  CHECK(difference_of(results, 1, "val/top1"));
  for (CellResult& cell : results.cells) cell.cell.baseline = 0;  // as without `baseline:`
  CHECK(!difference_of(results, 1, "val/top1"));
  CHECK(difference_of(results, 3, "val/top1"));
  CHECK(!difference_of(results, folds_of(results)[1], "val/top1"));
}

TEST_CASE("folds: a study without that axis has none") {
  StudyResults results = three_folds();
  results.study = test::study_of("axes: {model.patch_size: [2, 4]}\nseeds: [0]\n");
  CHECK(folds_of(results).empty());
}

}  // namespace
}  // namespace tessera
