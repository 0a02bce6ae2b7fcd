// Studies that read the test split at their end, and that get more seeds.
#include <chrono>

#include "tests/program/study.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using test::ablate;
using test::check_kept;
using test::checkpoint_of;
using test::count;
using test::logs_of;
using test::Outcome;
using test::read_text;
using test::results_of;
using test::ScratchFolder;
using test::study_in;
using test::write_text;

/// Two cells, two seeds, two epochs, and the rest of the training images to choose by.
constexpr const char* kHeldOut = R"(
axes: {model.patch_size: [4, 8]}
seeds: [0, 1]
metrics: [val/top1, train/loss]
data: {val_split: 0.25}
train: {epochs: 2}
)";

std::vector<fs::path> runs_of(const fs::path& out) {
  std::vector<fs::path> runs;
  for (const auto& run : fs::directory_iterator(out / "cells")) runs.push_back(run.path());
  return runs;
}

/// What `eval` says of a checkpoint of the run.
ordered_json eval(const fs::path& run, CheckpointChoice choice) {
  const Outcome outcome =
      test::tessera({"eval", checkpoint_of(run, choice), "--split", "test", "--json", "--right"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return ordered_json::parse(outcome.out);
}

std::map<std::string, std::string> tests_of(const fs::path& out) {
  std::map<std::string, std::string> tests;
  for (const fs::path& run : runs_of(out)) tests[run] = read_text(run / "test.json");
  return tests;
}

TEST_CASE("a study that is done gets the figures of the test split without training again") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder, kHeldOut);
  REQUIRE(ablate(study, out).code == 0);
  const auto logs = logs_of(out);
  REQUIRE(logs.size() == 4);
  for (const fs::path& run : runs_of(out)) CHECK_FALSE(fs::exists(run / "test.json"));
  CHECK(read_text(out / "results.csv").find("test/") == std::string::npos);

  const std::vector<std::string> asks = {"--set", "test=true"};
  const Outcome outcome = ablate(study, out, asks);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(logs_of(out) == logs);
  CHECK(outcome.out.find("test top-1 (best on val), %") != std::string::npos);
  CHECK(outcome.out.find("That choice is made on val alone") != std::string::npos);
  const ordered_json results = results_of(out);
  CHECK(results["metrics"] ==
        ordered_json{"val/top1", "train/loss", "test/top1", "best/test/top1"});
  for (const auto& cell : results["cells"]) {
    for (const auto& run : cell["runs"]) {
      const fs::path path = out / run["folder"].get<std::string>();
      const ordered_json last = eval(path, CheckpointChoice::kLast);
      const ordered_json best = eval(path, CheckpointChoice::kBest);
      CHECK(run["metrics"]["test/top1"] == last["top1"]);
      CHECK(run["metrics"]["test/loss"] == last["loss"]);
      CHECK(run["metrics"]["best/test/top1"] == best["top1"]);
      CHECK(run["test"]["best_update"] == best["checkpoint"]["step"]);
      const ordered_json file = ordered_json::parse(read_text(path / "test.json"));
      CHECK(file["last"]["right"] == last["checkpoint"]["right"]);
      const std::string right = file["last"]["right"];
      CHECK(right.size() == last["samples"].get<std::size_t>());
      CHECK(static_cast<double>(std::count(right.begin(), right.end(), '1')) ==
            doctest::Approx(last["top1"].get<double>() * static_cast<double>(right.size())));
    }
  }
  const auto& difference = results["cells"][1]["summary"]["test/top1"]["difference"];
  CHECK(difference["image_error"].get<double>() > 0.0);
  CHECK(count(read_text(out / "results.csv"), ",test/top1,") == 1);

  // It is read once; what is damaged, or is of another checkpoint, is read again.
  const auto tests = tests_of(out);
  REQUIRE(ablate(study, out, asks).code == 0);
  CHECK(tests_of(out) == tests);
  const fs::path first = tests.begin()->first, second = std::next(tests.begin())->first;
  write_text(first / "test.json", read_text(first / "test.json").replace(20, 1, "7"));
  write_text(second / "test.json", tests.at(first));  // of another run's checkpoint
  const Outcome status =
      test::tessera({"ablate", study, "--out", out, "--status", "--set", "test=true"});
  CHECK(status.out.find("2 done  2 not tested") != std::string::npos);
  REQUIRE(ablate(study, out, asks).code == 0);
  CHECK(tests_of(out) == tests);
  CHECK(logs_of(out) == logs);
}

TEST_CASE("a test split that cannot be read fails no training, and is tried again") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder, std::string(kHeldOut) + "test: true\n");
  REQUIRE(ablate(study, out, {"--set", "seeds=[0]"}).code == 0);
  const auto logs = logs_of(out);
  const fs::path run = runs_of(out).front();
  fs::remove(run / "test.json");
  const fs::path weights = checkpoint_of(run, CheckpointChoice::kLast) / "model.safetensors";
  const std::string whole = read_text(weights);
  std::string damaged = whole;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  write_text(weights, damaged);
  const Outcome outcome = ablate(study, out, {"--set", "seeds=[0]"});
  CHECK(outcome.code == 1);
  CHECK(outcome.err.find("the test split was not read: ") != std::string::npos);
  CHECK(outcome.err.ends_with(
      "tessera: the test split of 1 run was not read; the same command tries again\n"));
  CHECK(outcome.out.find("done, but the test split is not read: ") != std::string::npos);
  CHECK(logs_of(out) == logs);
  write_text(weights, whole);
  CHECK(ablate(study, out, {"--set", "seeds=[0]"}).code == 0);
  CHECK(fs::exists(run / "test.json"));
  CHECK(logs_of(out) == logs);
}

TEST_CASE("a study whose val is the test split is refused before anything is trained") {
  const ScratchFolder folder;
  const std::string study = study_in(folder, test::kTinyStudy);
  const Outcome outcome = ablate(study, folder / "out", {"--set", "test=true"});
  CHECK(outcome.code == 2);
  CHECK(outcome.has_one_line());
  CHECK(outcome.err.find("data.val_split: 0.1 holds a share of training out for val") !=
        std::string::npos);
  CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("those who have joined share the reading of the test split") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder, std::string(kHeldOut) + "test: true\n");
  std::vector<std::unique_ptr<test::Program>> programs;
  for (int i = 0; i < 2; ++i) {
    programs.push_back(std::make_unique<test::Program>(
        std::vector<std::string>{"ablate", study, "--out", out, "--no-measure", "--join"}));
  }
  std::string said;
  for (const auto& program : programs) {
    const Outcome outcome = program->wait();
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
    said += outcome.err;
  }
  CHECK(count(said, ", test top-1 (best on val) ") == 4);  // each run by one of them
  const auto results = results_of(out);
  for (const auto& cell : results["cells"]) {
    CHECK(cell["summary"]["best/test/top1"]["n"] == 2);
  }
}

TEST_CASE("--extend adds seeds to a finished study, which keeps them and says so") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study =
      study_in(folder, "axes: {model.patch_size: [4, 8]}\nseeds: [0, 3]\ntrain: {epochs: 1}\n");
  const auto refused = [&](const std::vector<std::string>& more, const std::string& words) {
    const Outcome outcome = ablate(study, out, more);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
    CHECK(outcome.err.find(words) != std::string::npos);
  };
  refused({"--extend", "seeds=1"}, "--extend is for a study that was run");
  CHECK_FALSE(fs::exists(out));
  REQUIRE(ablate(study, out).code == 0);
  CHECK_FALSE(results_of(out).contains("added_seeds"));
  const auto logs = logs_of(out);
  refused({"--extend", "2"}, "--extend: expected seeds=N");
  refused({"--extend", "seeds=1", "--status"}, "goes with neither");

  const Outcome outcome = ablate(study, out, {"--extend", "seeds=2"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.find("added: seed 4, seed 5") != std::string::npos);
  check_kept(logs, out);
  CHECK(logs_of(out).size() == 8);
  const ordered_json results = results_of(out);
  CHECK(results["seeds"] == ordered_json{0, 3, 4, 5});
  CHECK(results["added_seeds"] == ordered_json::parse("[[4, 5]]"));
  CHECK(results["cells"][1]["summary"]["val/top1"]["difference"]["n"] == 4);
  CHECK(results["cells"][1]["summary"]["val/top1"]["difference"].contains("seeds_to_show"));
  CHECK(read_text(out / "results.md").find("were added after results had been seen") !=
        std::string::npos);
  CHECK(read_text(out / "report.html").find("were added after results had been seen") !=
        std::string::npos);

  // All later calls have them.
  const auto all = logs_of(out);
  REQUIRE(ablate(study, out).code == 0);
  CHECK(results_of(out)["seeds"].size() == 4);
  CHECK(logs_of(out) == all);
  const Outcome status = test::tessera({"ablate", study, "--out", out, "--status"});
  CHECK(status.out.find("8 done") != std::string::npos);

  // A call that was killed and is made again adds nothing twice.
  fs::remove_all(out / results["cells"][0]["runs"][3]["folder"].get<std::string>());
  refused({"--extend", "seeds=2"}, "1 of its runs is not done");
  REQUIRE(ablate(study, out).code == 0);
  REQUIRE(ablate(study, out, {"--extend", "seeds=1", "--join"}).code == 0);
  CHECK(results_of(out)["added_seeds"] == ordered_json::parse("[[4, 5], [6]]"));
}

}  // namespace
}  // namespace tessera
