// A model that learns from another one's answers.
#include <nlohmann/json.hpp>

#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::has;
using test::Outcome;
using test::read_text;
using test::Runs;
using test::tessera;

std::vector<double> losses_of(const fs::path& run) {
  std::vector<double> losses;
  for (const nlohmann::json& line : test::lines_of(run / "metrics.jsonl")) {
    if (line.contains("grad_norm")) losses.push_back(line["train/loss"].get<double>());
  }
  return losses;
}

std::string weights_of(const fs::path& run) {
  return read_text(test::checkpoint_of(run, CheckpointChoice::kLast) / "model.safetensors");
}

TEST_CASE(
    "teacher: soft and hard, its cost said, its run left as it is, resumed to the same bytes") {
  const Runs runs;
  REQUIRE(runs.train("teacher", {"model.embed_dim=16", "model.num_heads=[2,4]"}).code == 0);
  const auto before = test::files_of(runs / "teacher");
  const std::string teacher = "train.teacher=" + (runs / "teacher").string();
  REQUIRE(runs.train("alone").code == 0);
  for (const std::string form : {"soft", "hard"}) {
    CAPTURE(form);
    const std::vector<std::string> settings{teacher, "train.teacher_form=" + form,
                                            "optim.schedule.name=constant"};
    const Outcome whole = runs.train("whole_" + form, settings);
    REQUIRE_MESSAGE(whole.code == 0, whole.err);
    CHECK(has(whole.out + whole.err, "million multiply-adds an image, forwards: "));
    CHECK(losses_of(runs / ("whole_" + form)) != losses_of(runs / "alone"));
    std::vector<std::string> part = settings;
    part.emplace_back("train.max_steps=5");
    REQUIRE(runs.train("part_" + form, part).code == 0);
    REQUIRE(runs.resume("part_" + form, {"train.max_steps=0"}).code == 0);
    CHECK(weights_of(runs / ("whole_" + form)) == weights_of(runs / ("part_" + form)));
  }
  CHECK(losses_of(runs / "whole_soft") != losses_of(runs / "whole_hard"));
  CHECK(test::files_of(runs / "teacher") == before);

  // Nothing of what it says counts.
  REQUIRE(runs.train("deaf", {teacher, "train.teacher_weight=0"}).code == 0);
  CHECK(losses_of(runs / "deaf") == losses_of(runs / "alone"));

  // The student is the teacher: there is nothing to learn.
  REQUIRE(runs.train("same", {"train.teacher=" + (runs / "alone").string(),
                              "init.weights=" + (runs / "alone").string(), "train.max_steps=1",
                              "train.teacher_weight=1", "optim.ema=0", "model.drop_path=0"})
              .code == 0);
  CHECK(std::abs(losses_of(runs / "same").at(0)) < 1e-5);

  // A run is tested without its teacher.
  fs::remove_all(runs / "teacher");
  CHECK(tessera({"eval", runs / "whole_soft"}).code == 0);
}

TEST_CASE("teacher: it is read once, before the run's folder is made") {
  const Runs runs;
  // Each reading of a checkpoint of version 0.1 says that it has no checksums.
  const std::string setting = "train.teacher=" + test::fixture("run_0_1");
  const auto readings = [](const Outcome& outcome) {
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const std::string note = "which wrote no checksums";
    int count = 0;
    for (std::size_t at = 0; (at = outcome.err.find(note, at)) != std::string::npos; ++at) ++count;
    return count;
  };
  CHECK(readings(runs.train("run", {setting, "train.max_steps=5"})) == 1);
  CHECK(readings(runs.resume("run", {"train.max_steps=6"})) == 1);
  const Outcome planned =
      tessera({"train", runs.config(), "--set", setting, "--dry-run", "--out", runs / "none"});
  CHECK(readings(planned) == 1);
  CHECK(has(planned.out, "run_0_1: "));
}

TEST_CASE("teacher: what does not fit is refused in a line, and no folder is made") {
  const Runs runs;
  REQUIRE(runs.train("seven", {"model.num_classes=7", "train.epochs=1"}).code == 0);
  REQUIRE(runs.train("filled", {"task.name=simmim", "task.mask_size=8", "train.epochs=1"}).code ==
          0);
  struct Case {
    std::vector<std::string> settings;
    const char* reason;
  };
  for (const Case& c :
       {Case{{"train.teacher=" + (runs / "seven").string()}, "tells 7 classes apart, the model 4"},
        Case{{"train.teacher=" + (runs / "filled").string()}, "filled is no classifier"},
        Case{{"train.teacher=" + (runs / "nothing").string()}, "nothing"},
        Case{{"train.teacher=" + (runs / "seven").string(), "task.name=simmim"},
             "is for task.name classification"}}) {
    CAPTURE(c.reason);
    const Outcome outcome = runs.train("run", c.settings);
    CHECK(outcome.code != 0);
    CHECK(outcome.has_one_line());
    CHECK(has(outcome.err, c.reason));
    CHECK(!fs::exists(runs / "run"));
  }
}

}  // namespace
}  // namespace tessera
