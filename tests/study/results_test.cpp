#include "study/results.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "study/output.h"
#include "tests/study/study_support.h"

namespace tessera {
namespace {

RunResult run_with(const std::string& right) {
  RunResult run;
  run.status = RunStatus::kDone;
  run.right["val/top1"] = right;
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

TEST_CASE("results: what more seeds would leave of the error over the images") {
  // Every run is wrong on an image of its own: more of them would be right on all alike.
  const StudyResults noise = two_cells({"1111111111", "1111111111"}, {"0111111111", "1011111111"});
  const Estimate noisy = difference_of(noise, 1, "val/top1").value();
  // Means 0.5 on two images of ten, whose variance over the runs is 0.5: 2 * 0.5 / 100 / 2 of
  // error^2 = (0.5 - 0.1) / 9 / 10.
  CHECK(noisy.image_error == doctest::Approx(std::sqrt(0.4 / 90.0)));
  CHECK(noisy.image_floor.value() == doctest::Approx(std::sqrt(std::max(0.0, 0.4 / 90.0 - 0.005))));
  // The same images by all runs: no seed takes that away.
  const StudyResults images = two_cells({"1111111111", "1111111111"}, {"0111111111", "0111111111"});
  const Estimate fixed = difference_of(images, 1, "val/top1").value();
  CHECK(fixed.image_floor.value() == doctest::Approx(fixed.image_error));
}

TEST_CASE("results: without answers, or with one missing, the seeds alone count") {
  for (const char* other : {"", "11111111-0", "111"}) {
    StudyResults results = two_cells({"1111111100", "1111111000"}, {"1111110001", "1111110000"});
    results.cells[1].runs[0].right["val/top1"] = other;
    CHECK(difference_of(results, 1, "val/top1")->image_error == 0.0);
  }
}

TEST_CASE("results: figures of the test split are those of the runs that were tested") {
  StudyResults results = two_cells({"1111111100", "1111111000"}, {"1111110001", "1111110000"});
  results.study.test = true;
  results.study.metrics = {"test/top1", "val/top1", "best/test/top1"};
  RunResult& tested = results.cells[1].runs[0];
  CHECK_FALSE(is_complete(results.study, tested));
  CHECK(mean_of(results.cells[1], "test/top1").n == 0);
  const auto give = [](RunResult& run, const std::string& right) {
    const auto count = static_cast<double>(std::count(right.begin(), right.end(), '1'));
    run.last->metrics.set("test/top1", 0.1 * count);
    run.right["test/top1"] = right;
    run.test = TestSteps{10, 8, 8};
  };
  give(tested, "1111100000");
  CHECK(is_complete(results.study, tested));
  CHECK(mean_of(results.cells[1], "test/top1").n == 1);
  CHECK(difference_of(results, 1, "test/top1")->n == 0);
  CHECK(result_table(results).find("done, but the test split is not read") != std::string::npos);
  give(results.cells[1].runs[1], "1111100000");
  for (RunResult& run : results.cells[0].runs) give(run, "1111000001");
  const Estimate difference = difference_of(results, 1, "test/top1").value();
  CHECK(difference.n == 2);
  CHECK(difference.mean == doctest::Approx(0.0).epsilon(1e-9));
  // Differences of images: 1, -1 and eight of 0; those of val are others.
  CHECK(difference.image_error == doctest::Approx(std::sqrt(2.0 / 9.0 / 10.0)));
  const std::string page = result_page(results);
  CHECK(page.find("| test top-1, % |") != std::string::npos);
  CHECK(page.find("| test top-1 (best on val), % |") != std::string::npos);
  CHECK(page.find("That choice is made on val alone") != std::string::npos);
  CHECK(page.find("not read") == std::string::npos);
}

TEST_CASE("results: tables say how many seeds a comparison would need") {
  StudyResults results = two_cells({"", ""}, {"", ""});
  const auto give = [&](double first, double second) {
    const double values[] = {first, second};
    for (std::size_t s = 0; s < 2; ++s) {
      results.cells[0].runs[s].last->metrics.set("val/top1", 0.5);
      results.cells[1].runs[s].last->metrics.set("val/top1", 0.5 + values[s]);
    }
  };
  give(0.01, 0.03);  // as in the test of repetitions_to_show: 5
  CHECK(result_page(results).find("| seeds to show it |") != std::string::npos);
  CHECK(result_page(results).find(", p 0.30 | 5 |") != std::string::npos);
  CHECK(result_page(results).find("seeds for ±") == std::string::npos);
  results.study.interval = 1.0;
  // t(9) 0.01414 / sqrt(10) = 0.0101 > 0.01 > t(10) 0.01414 / sqrt(11) = 0.0095
  CHECK(result_page(results).find("| seeds for ± 1 |") != std::string::npos);
  CHECK(result_page(results).find(", p 0.30 | 5 | 11 |") != std::string::npos);
  give(0.02, 0.02);
  CHECK(result_page(results).find("| enough | 2 |") != std::string::npos);
}

TEST_CASE("results: seeds that were added are told, and what that asks of a p") {
  StudyResults results = two_cells({"1", "1"}, {"1", "1"});
  CHECK(result_page(results).find(" added after") == std::string::npos);
  results.study.added = {{1}};
  std::string page = result_page(results);
  std::replace(page.begin(), page.end(), '\n', ' ');
  CHECK(page.find("1 of the 2 seeds (1) was added after results had been seen.") !=
        std::string::npos);
  CHECK(page.find("where its p is below 0.025 (0.05 over 2, Bonferroni)") != std::string::npos);
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
