// What the report reads of runs, also of those that go on.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "report/report.h"
#include "report/run_record.h"
#include "report/sections.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/xml_check.h"

namespace tessera::report {
namespace {

using test::ScratchFolder;
using test::write_text;
using test::XmlCheck;

constexpr const char* kUpdates =
    R"({"step":1,"epoch":1,"lr":0.1,"loss":2.0,"grad_norm":1.0,"top1":0.25}
{"step":2,"epoch":1,"lr":0.1,"loss":1.5,"grad_norm":1.0,"top1":0.5}
{"step":2,"epoch":1,"train_loss":1.75,"train_top1":0.4,"test_loss":1.4,"test_top1":0.55,"test_top5":1.0}
{"step":3,"epoch":2,"lr":0.1,"loss":1.0,"grad_norm":1.0,"top1":0.5}
)";

void write_run(const ScratchFolder& folder, const std::string& metrics) {
  write_text(folder / "config.yaml", "train: {epochs: 3}\ndata: {name: synthetic}\n");
  write_text(folder / "metrics.jsonl", metrics);
}

TEST_CASE("run record: what is there, up to a line that was torn") {
  const ScratchFolder folder;
  write_run(folder, std::string(kUpdates) + R"({"step":4,"epoch":2,"lr":0.)");
  const RunRecord record = read_run_record(folder.path());
  CHECK(record.updates.size() == 3);
  CHECK(record.evaluations.size() == 1);
  CHECK(record.step() == 3);
  CHECK(record.steps_per_epoch() == 2);
  CHECK(!record.finished());
  CHECK(record.timing.empty());
  CHECK(record.environment.empty());
}

TEST_CASE("run record: values that are no numbers are read as NaN") {
  const ScratchFolder folder;
  write_run(folder, R"({"step":1,"epoch":1,"lr":0.1,"loss":null,"grad_norm":1.0,"top1":"x"})"
                    "\n");
  const RunRecord record = read_run_record(folder.path());
  REQUIRE(record.updates.size() == 1);
  CHECK(std::isnan(record.updates[0].metrics.value("train/loss")));
  CHECK(std::isnan(record.updates[0].metrics.value("train/top1")));
  const std::optional<Section> curves = curves_section(record);
  REQUIRE(curves);
  CHECK(XmlCheck::problem(curves->body.str()) == "");
}

TEST_CASE("run record: a run that has only just begun") {
  const ScratchFolder folder;
  write_run(folder, "");
  const RunRecord record = read_run_record(folder.path());
  CHECK(record.step() == 0);
  CHECK(!curves_section(record));
  CHECK(setup_section(record));
}

TEST_CASE("run record: no run's folder is an error that says so") {
  const ScratchFolder folder;
  CHECK_THROWS_WITH_AS(read_run_record(folder.path()), doctest::Contains("is no run's folder"),
                       CheckpointError);
}

TEST_CASE("curves: by epoch if its length is known, else by update") {
  RunRecord record;
  const auto update = [](std::int64_t step, std::int64_t epoch) {
    UpdateRecord made{step, epoch, 0.1, 1.0};
    made.metrics.set("train/loss", 1.0);
    return made;
  };
  record.updates = {update(1, 1), update(2, 1)};
  CHECK(std::string(curves_of(record).loss.x.label) == "update");
  record.updates.push_back(update(3, 2));
  const Curves curves = curves_of(record);
  CHECK(std::string(curves.loss.x.label) == "epoch");
  CHECK(curves.loss.series[0].points.back().x == 1.5);
}

TEST_CASE("curves: a binary loss has a chart and a caption of its own") {
  RunRecord record;
  UpdateRecord update{1, 1, 0.1, 1.0};
  update.metrics.set("train/loss", 0.1);
  record.updates = {update};
  EvaluationRecord evaluation;
  evaluation.step = 1;
  evaluation.metrics.set("val/loss", 2.0);
  record.evaluations = {evaluation};
  CHECK_FALSE(curves_of(record).training_loss);
  CHECK(curves_of(record).loss.series.size() == 2);
  record.config.task.loss.name = LossName::kBinaryCrossEntropy;
  const Curves curves = curves_of(record);
  REQUIRE(curves.training_loss);
  REQUIRE(curves.training_loss->series.size() == 1);
  CHECK(curves.training_loss->series[0].points[0].y == doctest::Approx(0.1));
  CHECK(curves.training_loss->title == "Training loss (binary cross entropy)");
  REQUIRE(curves.loss.series.size() == 1);
  CHECK(curves.loss.series[0].points[0].y == 2.0);
  CHECK(curves.loss.title == "Validation loss (cross entropy)");
}

TEST_CASE("curves: an axis of shares begins below what comes after the start, not at nothing") {
  RunRecord record;
  record.config.train.best_by = "top1";
  const auto low_of = [&](const std::vector<double>& shares) {
    record.evaluations.clear();
    record.updates.clear();
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const auto step = static_cast<std::int64_t>(i + 1);
      EvaluationRecord evaluation{.step = step, .epoch = step};
      evaluation.metrics.set("val/top1", shares[i]);
      record.evaluations.push_back(evaluation);
      UpdateRecord update{.step = step, .epoch = step};
      update.metrics.set("train/top1", shares[i]);
      record.updates.push_back(update);
    }
    return curves_of(record).main.y.low.value_or(0.0);
  };
  CHECK(low_of({0.1, 0.7, 0.8, 0.85, 0.88, 0.9, 0.9, 0.91, 0.91}) == doctest::Approx(0.7));
  CHECK(low_of({0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.09}) == 0.0);
}

TEST_CASE("curves: the measure that chooses the best checkpoint is shown where it is another one") {
  RunRecord record;
  record.config.task.name = TaskName::kDetection;
  EvaluationRecord evaluation{.step = 1, .epoch = 1};
  evaluation.metrics.set("val/ap", 0.4);
  evaluation.metrics.set("val/ap50", 0.8);
  evaluation.metrics.set("val/loss", 1.0);
  record.evaluations = {evaluation};
  const auto last_of = [&](const char* best_by) {
    record.config.train.best_by = best_by;
    const Series series = curves_of(record).main.series.back();
    return series.name + " " + text_of_metric(named_metric("ap", series.points.back().y));
  };
  CHECK(last_of("ap") == "validation 40.00 %");
  CHECK(last_of("loss") == "validation 40.00 %");
  CHECK(last_of("ap50") == "AP50 (best by) 80.00 %");
}

TEST_CASE("titles begin with a capital, unless the word has its own") {
  CHECK(sentence_case("top-1") == "Top-1");
  CHECK(sentence_case("boundary IoU") == "Boundary IoU");
  CHECK(sentence_case("mIoU") == "mIoU");
  CHECK(sentence_case("").empty());
}

}  // namespace
}  // namespace tessera::report
