#include "study/results.h"

#include <doctest/doctest.h>

#include <cmath>

#include "study/output.h"
#include "tests/study/study_support.h"

namespace tessera {
namespace {

RunResult run_with(const std::string& right) {
  RunResult run;
  run.status = RunStatus::kDone;
  run.right = right;
  EvaluationRecord record;
  const auto count = static_cast<double>(std::count(right.begin(), right.end(), '1'));
  record.metrics.set("val/top1", count / static_cast<double>(right.size()));
  run.last = record;
  return run;
}

/// Two cells of two seeds each; the first is the baseline.
StudyResults two_cells(const std::vector<std::string>& own, const std::vector<std::string>& base) {
  StudyResults results{test::study_of(R"(
axes: {model.patch_size: [2, 4]}
baseline: {model.patch_size: 2}
seeds: [0, 1]
metrics: [val/top1]
)"),
                       {}};
  std::vector<Cell> cells = make_grid(results.study);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    CellResult result;
    result.cell = std::move(cells[i]);
    for (const std::string& right : i == 0 ? base : own) result.runs.push_back(run_with(right));
    results.cells.push_back(std::move(result));
  }
  return results;
}

TEST_CASE("results: two equal seeds on a few images are not known without error") {
  const std::string right = "1111111000";
  const StudyResults results = two_cells({right, right}, {right, right});
  const Estimate mean = mean_of(results.cells[0], "val/top1");
  CHECK(mean.mean == doctest::Approx(0.7));
  const double error = std::sqrt(0.7 * 0.3 / 9.0);  // of the mean of ten images
  CHECK(mean.image_error == doctest::Approx(error));
  CHECK(mean.half_width.value() == doctest::Approx(1.959964 * error).epsilon(1e-6));
}

TEST_CASE("results: differences are paired by image") {
  // Both right on seven of ten; on three images one is right and the other is not.
  const StudyResults results =
      two_cells({"1111111100", "1111111100"}, {"1111110001", "1111110001"});
  const Estimate difference = difference_of(results, 1, "val/top1").value();
  CHECK(difference.mean == doctest::Approx(0.1));
  CHECK(difference.error == doctest::Approx(0.0));
  // Differences of images: 1, 1, -1 and seven of 0.
  CHECK(difference.image_error == doctest::Approx(std::sqrt((3.0 - 0.1) / 9.0 / 10.0)));
  CHECK(!difference.excludes_zero());
  CHECK(result_table(results).find("and the images") != std::string::npos);
}

TEST_CASE("results: without answers, or with one missing, the seeds alone count") {
  for (const char* other : {"", "11111111-0", "111"}) {
    StudyResults results = two_cells({"1111111100", "1111111000"}, {"1111110001", "1111110000"});
    results.cells[1].runs[0].right = other;
    CHECK(difference_of(results, 1, "val/top1")->image_error == 0.0);
  }
}

TEST_CASE("results: Holm's p over all comparisons") {
  StudyResults results = two_cells({"1111111111", "1111111110"}, {"1000000000", "1100000000"});
  results.cells.push_back(results.cells[1]);
  results.cells[2].runs[0].last->metrics.set("val/top1", 0.3);
  const auto differences = differences_of(results, "val/top1");
  REQUIRE(differences.size() == 3);
  CHECK(!differences[0]);
  CHECK(*differences[1]->p_holm == doctest::Approx(2.0 * *differences[1]->p));
  CHECK(*differences[2]->p_holm >= *differences[2]->p);
}

}  // namespace
}  // namespace tessera
