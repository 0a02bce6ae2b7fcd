// Runs: the same bits twice, after a kill, after a signal; and what they leave behind.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::kTinyConfig;
using test::Program;
using test::read_text;
using test::result_of;
using test::ScratchFolder;
using test::write_text;

std::string config_in(const ScratchFolder& folder) {
  write_text(folder / "tiny.yaml", kTinyConfig);
  return (folder / "tiny.yaml").string();
}

TEST_CASE("the record of time counts the epochs between two evaluations too") {
  const test::Runs runs;
  REQUIRE(runs.train("run", {"train.epochs=5", "train.eval_every=2"}).code == 0);
  double images = 0.0;
  for (const nlohmann::json& line : test::lines_of(runs / "run" / "timing.jsonl")) {
    images += line["seconds"].get<double>() * line["images_per_s"].get<double>();
  }
  CHECK(images == doctest::Approx(5 * 64).epsilon(1e-6));
}

TEST_CASE("the same seed gives the same metrics and checkpoint bytes, another seed others") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  for (const char* name : {"a", "b"}) {
    REQUIRE(test::tessera({"train", config, "--out", folder / name}).code == 0);
  }
  REQUIRE(test::tessera({"train", config, "--out", folder / "c", "--set", "data.workers=2"}).code ==
          0);
  REQUIRE(test::tessera({"train", config, "--out", folder / "d", "--set", "train.seed=4"}).code ==
          0);
  const std::string first = result_of(folder / "a");
  CHECK(first.size() > 10'000);
  CHECK(result_of(folder / "b") == first);
  CHECK(read_text(folder / "c" / "metrics.jsonl") == read_text(folder / "a" / "metrics.jsonl"));
  CHECK(result_of(folder / "d") != first);
}

TEST_CASE("a run killed at random moments and resumed ends with the same bytes") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const std::string longer = "train.epochs=24";  // so that no machine is done before three kills
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(test::tessera({"train", config, "--out", folder / "whole", "--set", longer}).code == 0);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - began;
  const fs::path run = folder / "killed";
  int kills = 0;
  std::vector<std::string> arguments = {"train", config, "--out", run, "--set", longer};
  for (int attempt = 0; attempt < 40; ++attempt) {
    Program program(arguments);
    std::this_thread::sleep_for((0.08 + 0.06 * attempt) * whole);
    program.send(SIGKILL);
    const test::Outcome outcome = program.wait();
    if (fs::exists(run / "config.yaml")) {
      arguments = {"train", config, "--resume", run, "--set", longer};
    }
    if (outcome.code == 0) break;
    REQUIRE(outcome.code == 128 + SIGKILL);
    ++kills;
    // What is called last is always whole.
    if (read_index(run / "checkpoints")) {
      REQUIRE(test::tessera({"inspect", run}).code == 0);
    }
  }
  CHECK(kills >= 3);
  CHECK(result_of(run) == result_of(folder / "whole"));
}

TEST_CASE("OpenMP may be allowed fewer threads than a run asks for") {
  const ScratchFolder folder;
  for (const char* limit : {"OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true"}) {
    const test::Outcome outcome =
        Program({"train", config_in(folder), "--out", folder / limit, "--set", "train.threads=2",
                 "--set", "train.max_steps=2"},
                {"timeout", "60", "env", limit})
            .wait();
    CHECK(outcome.code == 0);  // and not 124: it waited for the other thread
  }
}

TEST_CASE("SIGINT and SIGTERM save a checkpoint; the run goes on from there") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  REQUIRE(test::tessera({"train", config, "--out", folder / "whole"}).code == 0);
  const fs::path run = folder / "stopped";
  std::vector<std::string> arguments = {"train", config, "--out", run};
  for (const int signal : {SIGINT, SIGTERM}) {
    // The first line of the log comes when signals are heeded.
    const auto logged = [&] {
      std::error_code missing;
      const std::uintmax_t size = fs::file_size(run / "train.log", missing);
      return missing ? 0 : size;
    };
    const std::uintmax_t before = logged();
    Program program(arguments);
    while (logged() == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    program.send(signal);
    const test::Outcome outcome = program.wait();
    if (outcome.code == 0) break;  // it was faster
    CHECK(outcome.code == 128 + signal);
    CHECK(outcome.out.find("--resume") != std::string::npos);
    arguments = {"train", "--resume", run};
  }
  REQUIRE(test::tessera({"train", "--resume", run}).code == 0);
  CHECK(result_of(run) == result_of(folder / "whole"));
}

TEST_CASE("a run leaves a checkpoint that can be tested, used and inspected") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const fs::path run = folder / "run";
  REQUIRE(test::tessera({"train", config, "--out", run}).code == 0);
  for (const char* name :
       {"config.yaml", "env.json", "metrics.jsonl", "timing.jsonl", "train.log"}) {
    CAPTURE(name);
    CHECK(fs::file_size(run / name) > 0);
  }
  const test::Outcome eval = test::tessera({"eval", run, "--json"});
  REQUIRE(eval.code == 0);
  const nlohmann::json result = nlohmann::json::parse(eval.out);
  CHECK(result["samples"] == 64);

  // The best evaluation in the metrics is what `eval` finds again.
  double best = 0.0;
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json record = nlohmann::json::parse(line);
    best = std::max(best, record.value("val/top1", 0.0));
  }
  CHECK(result["top1"].get<double>() == doctest::Approx(best));

  REQUIRE(test::tessera({"data", "sample", config, "--out", folder / "png", "--count", "4"}).code ==
          0);
  std::vector<std::string> arguments = {"predict", run, "--json", "--top", "2"};
  for (const auto& entry : fs::directory_iterator(folder / "png")) {
    arguments.push_back(entry.path());
  }
  const test::Outcome predict = test::tessera(arguments);
  REQUIRE(predict.code == 0);
  const nlohmann::json predictions = nlohmann::json::parse(predict.out);
  REQUIRE(predictions.size() == 4);
  CHECK(predictions[0]["classes"].size() == 2);
  CHECK(nlohmann::json::parse(test::tessera({"inspect", run, "--json"}).out)["stages"].size() == 2);

  // A finished run is not trained again.
  const std::string before = result_of(run);
  REQUIRE(test::tessera({"train", config, "--resume", run}).code == 0);
  CHECK(result_of(run) == before);
}

/// The evaluations of a run, in order.
std::vector<nlohmann::json> evaluations_of(const fs::path& run) {
  std::vector<nlohmann::json> evaluations;
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json record = nlohmann::json::parse(line);
    if (record.contains("val/top1")) evaluations.push_back(record);
  }
  return evaluations;
}

nlohmann::json meta_of(const fs::path& run, CheckpointChoice choice) {
  return nlohmann::json::parse(read_text(test::checkpoint_of(run, choice) / kMetaFile));
}

TEST_CASE("a run without progress ends when patience does, and goes on with more of it") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const fs::path run = folder / "run";
  // Nothing moves: the second and the third test are no better than the first.
  std::vector<std::string> arguments = {"train", config, "--out", run};
  for (const char* setting : {"train.patience=2", "optim.lr=1e-12", "train.epochs=5",
                              "optim.schedule.name=constant", "train.best_by=top1"}) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const test::Outcome outcome = test::tessera(arguments);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.find("no better one for 2 evaluations: the run ends here") !=
        std::string::npos);
  CHECK(outcome.out.find("up to step 60 (early end)") != std::string::npos);
  CHECK(evaluations_of(run).size() == 3);
  CHECK(meta_of(run, CheckpointChoice::kBest)["step"] == 20);
  CHECK(meta_of(run, CheckpointChoice::kLast)["step"] == 60);
  CHECK(meta_of(run, CheckpointChoice::kLast)["ended"] == true);

  const std::string before = result_of(run);
  REQUIRE(test::tessera({"train", "--resume", run}).code == 0);
  CHECK(result_of(run) == before);
  REQUIRE(test::tessera({"train", "--resume", run, "--set", "train.patience=0"}).code == 0);
  CHECK(evaluations_of(run).size() == 5);
  CHECK(meta_of(run, CheckpointChoice::kLast)["ended"] == false);
}

TEST_CASE("the best checkpoint is that of the chosen measure") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  for (const std::string by : {"loss", "top1"}) {
    CAPTURE(by);
    const fs::path run = folder / by;
    REQUIRE(test::tessera({"train", config, "--out", run, "--set", "train.best_by=" + by, "--set",
                           "train.epochs=6"})
                .code == 0);
    nlohmann::json best;
    for (const nlohmann::json& record : evaluations_of(run)) {
      const bool better = best.is_null() || (by == "loss" ? record["val/loss"] < best["val/loss"]
                                                          : record["val/top1"] > best["val/top1"]);
      if (better) best = record;
    }
    CHECK(meta_of(run, CheckpointChoice::kBest)["step"] == best["step"]);
    CHECK(meta_of(run, CheckpointChoice::kLast)["best_metric"] == best["val/" + by]);
  }
}

TEST_CASE("a scaled learning rate is said aloud and is what the updates get") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const std::vector<std::string> scaled = {"--set", "optim.lr={base: 0.016, scale_with: linear}",
                                           "--set", "optim.schedule.name=constant",
                                           "--set", "data.accumulate=2",
                                           "--set", "train.epochs=1"};
  std::vector<std::string> arguments = {"train", config, "--out", folder / "run"};
  arguments.insert(arguments.end(), scaled.begin(), scaled.end());
  const test::Outcome outcome = test::tessera(arguments);
  REQUIRE(outcome.code == 0);
  const std::string said = "learning rate 0.002 = 0.016 x 32 / 256 for updates of 32 images";
  CHECK(outcome.err.find(said) != std::string::npos);
  std::istringstream lines(read_text(folder / "run" / "metrics.jsonl"));
  double lr = 0.0;
  for (std::string line; std::getline(lines, line);) {
    lr = nlohmann::json::parse(line).value("lr", lr);
  }
  CHECK(lr == doctest::Approx(0.002));  // of the last update, after the warm-up
  arguments = {"train", config, "--dry-run"};
  arguments.insert(arguments.end(), scaled.begin(), scaled.end());
  CHECK(test::tessera(arguments).out.find(said) != std::string::npos);
}

TEST_CASE("pixels that no patch covers are told of once, by inspect, a dry run and a training") {
  const ScratchFolder folder;
  const std::string config = config_in(folder), unseen = "model.patch_size=5";
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", config},
      {"train", config, "--dry-run"},
      {"train", config, "--out", folder / "run", "--set", "train.max_steps=1"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.insert(arguments.end(), {"--set", unseen});
    const test::Outcome outcome = test::tessera(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
    const std::string text = outcome.out + outcome.err;
    const std::size_t first = text.find("not seen");
    CHECK(first != std::string::npos);
    CHECK(text.find("not seen", first + 1) == std::string::npos);
  }
}

TEST_CASE("the binary loss trains, with mixed images too") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const test::Outcome outcome = test::tessera(
      {"train", config, "--out", folder / "run", "--set", "train.loss=binary_cross_entropy",
       "--set", "data.augment.cutmix=1.0", "--set", "data.augment.mix_probability=0.5"});
  REQUIRE(outcome.code == 0);
  const std::vector<nlohmann::json> evaluations = evaluations_of(folder / "run");
  CHECK(evaluations.back()["train/loss"] < evaluations.front()["train/loss"]);
}

TEST_CASE("a step that is not finite names the op and leaves the weights") {
  const ScratchFolder folder;
  const std::string config = config_in(folder);
  const test::Outcome outcome =
      test::tessera({"train", config, "--out", folder / "run", "--set", "optim.lr=1e30", "--set",
                     "optim.clip_norm=0", "--set", "optim.schedule.warmup_epochs=0"});
  CHECK(outcome.code == 1);
  CAPTURE(outcome.err);
  CHECK(outcome.err.find("is not finite") != std::string::npos);
  CHECK(outcome.err.find(", output has ") != std::string::npos);
}

}  // namespace
}  // namespace tessera
