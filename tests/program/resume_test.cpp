// Going on with a run: nothing that it has is lost, and what cannot be meant changes nothing.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/program/run_folder.h"
#include "train/metrics_file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::files_of;
using test::lines_of;
using test::Outcome;
using test::read_text;
using test::result_of;
using test::Runs;
using test::write_text;

bool says(const Outcome& outcome, const std::string& part) {
  return outcome.err.find(part) != std::string::npos;
}

TEST_CASE("a resume that is refused changes no file, and the run goes on without it") {
  const Runs runs;
  REQUIRE(runs.train("whole").code == 0);
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  const auto before = files_of(runs / "run");
  const std::vector<std::vector<std::string>> refused = {{"model.embed_dim=16"},
                                                         {"optim.name=sgd"},
                                                         {"data.batch_size=128"},
                                                         {"model.patch_size=four"},
                                                         {"data.root=d\xe9"}};
  for (std::vector<std::string> settings : refused) {
    CAPTURE(settings.front());
    settings.push_back("train.max_steps=0");
    const Outcome outcome = runs.resume("run", settings);
    CHECK(outcome.code != 0);
    CHECK(files_of(runs / "run") == before);
  }
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
}

TEST_CASE("a pipe in the place of a run's file is refused, not waited for") {
  const Runs runs;
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  for (const char* file :
       {"config.yaml", "metrics.jsonl", "timing.jsonl", "train.log", "env.json", "status.json",
        "history.jsonl", "val_right.txt", "checkpoints/checkpoints.json",
        "checkpoints/step-6/meta.json", "checkpoints/step-6/state.safetensors"}) {
    CAPTURE(file);
    const fs::path path = runs / "run" / file, kept = runs / "kept";
    fs::rename(path, kept);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const Outcome outcome = runs.resume("run", {"train.max_steps=0"});
    CHECK(outcome.code != 0);
    if (path.filename() != "val_right.txt") CHECK(outcome.has_one_line());  // written in training
    const std::vector<const char*> reasons{"not a regular file", "a pipe that nothing writes to",
                                           "a pipe that nothing reads", "a pipe, not a file"};
    CHECK_MESSAGE(std::ranges::any_of(reasons, [&](auto text) { return says(outcome, text); }),
                  outcome.err);
    CHECK(says(outcome, path.filename().string()));
    fs::remove(path);
    fs::rename(kept, path);
  }
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
}

TEST_CASE("answers that cannot be written end the run with an error; it goes on when they can") {
  const Runs runs;
  REQUIRE(runs.train("calm", {"train.max_steps=6"}).code == 0);
  REQUIRE(runs.resume("calm", {"train.max_steps=0"}).code == 0);
  const fs::path answers = runs / "run/val_right.txt";
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  fs::remove(answers);
  fs::create_directory(answers);
  write_text(answers / "x", "");
  const Outcome outcome = runs.resume("run", {"train.max_steps=0"});
  CHECK(outcome.code == 1);
  CHECK(says(outcome, "val_right.txt"));
  CHECK(says(outcome, "directory"));
  CHECK(nlohmann::json::parse(read_text(runs / "run/status.json"))["state"] == "failed");
  CHECK(read_index(runs / "run/checkpoints")->last == "step-6");
  CHECK(files_of(answers).size() == 1);

  fs::remove_all(answers);
  REQUIRE(runs.resume("run", {"train.max_steps=0"}).code == 0);
  CHECK(result_of(runs / "run") == result_of(runs / "calm"));
  CHECK(read_text(answers) == read_text(runs / "calm/val_right.txt"));
}

/// Updates by their epoch, and the learning rate of the last one.
std::pair<std::vector<int>, double> updates_of(const fs::path& run) {
  std::vector<int> epochs;
  double lr = 0.0;
  for (const nlohmann::json& line : lines_of(run / "metrics.jsonl")) {
    if (!line.contains("grad_norm")) continue;
    CHECK(line["step"] == static_cast<int>(epochs.size()) + 1);
    epochs.push_back(line["epoch"]);
    lr = line["lr"];
  }
  return {epochs, lr};
}

TEST_CASE("with updates of another size a run goes on at the same image of its epoch") {
  // It is left after 6 updates of 16 images, half way through the second of three epochs.
  struct Case {
    std::vector<std::string> settings;
    int second, third;  ///< updates from then on, by epoch
    const char* said;
  };
  const Case cases[] = {
      {{"data.batch_size=8"}, 4, 8, "8 images, 16 before: epoch 2 goes on after 32 images, and 12"},
      {{"data.batch_size=24"},
       1,
       2,
       "24 images, 16 before: epoch 2 goes on after 32 images, and 3"},
      {{"data.batch_size=64"},
       0,
       1,
       "64 images, 16 before: epoch 2 goes on after 32 images, and 1"},
      {{"data.accumulate=2"}, 1, 2, "32 images, 16 before"},
      {{"data.train_samples=96"}, 4, 6, "data_hash"}};
  const Runs runs;
  REQUIRE(runs.train("left", {"train.max_steps=6"}).code == 0);
  for (const Case& each : cases) {
    CAPTURE(each.settings.front());
    const std::string name = each.settings.front(), again = name + " again";
    fs::copy(runs / "left", runs / name, fs::copy_options::recursive);
    fs::copy(runs / "left", runs / again, fs::copy_options::recursive);
    std::vector<std::string> settings = each.settings;
    settings.push_back("train.max_steps=0");
    const Outcome outcome = runs.resume(name, settings);
    REQUIRE(outcome.code == 0);
    CHECK(says(outcome, each.said));
    CHECK_FALSE(says(outcome, "epoch 4/"));
    std::vector<int> expected = {1, 1, 1, 1, 2, 2};
    expected.insert(expected.end(), static_cast<std::size_t>(each.second), 2);
    expected.insert(expected.end(), static_cast<std::size_t>(each.third), 3);
    const auto [epochs, lr] = updates_of(runs / name);
    CHECK(epochs == expected);
    CHECK(lr < 2e-6);  // the cosine has come to its end

    // Left once more in the epoch that has updates of two sizes, it makes as many.
    settings.back() = "train.max_steps=7";
    REQUIRE(runs.resume(again, settings).code == 0);
    REQUIRE(runs.resume(again, {"train.max_steps=0"}).code == 0);
    CHECK(updates_of(runs / again) == std::pair{epochs, lr});
    CHECK(says(runs.resume(again), "nothing is left to train"));
  }
}

TEST_CASE("smaller batches, with as many images an update, go on at the same place") {
  const Runs runs;
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  REQUIRE(
      runs.resume("run", {"data.batch_size=8", "data.accumulate=2", "train.max_steps=0"}).code ==
      0);
  const std::vector<nlohmann::json> lines = lines_of(runs / "run" / "metrics.jsonl");
  std::vector<std::pair<int, int>> updates;
  for (const nlohmann::json& line : lines) {
    if (line.contains("grad_norm")) updates.emplace_back(line["step"], line["epoch"]);
  }
  std::vector<std::pair<int, int>> expected;
  for (int step = 1; step <= 12; ++step) expected.emplace_back(step, (step + 3) / 4);
  CHECK(updates == expected);
}

TEST_CASE("a resume with nothing left to train leaves the record as it is") {
  const Runs runs;
  REQUIRE(runs.train("run").code == 0);
  const auto before = files_of(runs / "run");
  const Outcome outcome = runs.resume("run", {"train.max_steps=5", "optim.lr=0.5"});
  CHECK(outcome.code == 0);
  CHECK(says(outcome, "nothing is left to train, so nothing is written"));
  CHECK(files_of(runs / "run") == before);
}

TEST_CASE("a run whose last call failed, to write down what it saved, is completed by a resume") {
  const Runs runs;
  REQUIRE(runs.train("run").code == 0);
  const fs::path index = runs / "run/checkpoints/checkpoints.json";
  const std::string before = read_text(index);
  fs::remove(index);
  const Outcome outcome = runs.resume("run", {"train.max_steps=5"});
  CHECK(outcome.code == 0);
  CHECK(says(outcome, "what was missing is written"));
  CHECK(read_text(index) == before);
}

TEST_CASE("the history keeps each start: command, step, changed keys, environment") {
  const Runs runs;
  REQUIRE(runs.train("run", {"train.max_steps=5"}).code == 0);
  const Outcome outcome =
      runs.resume("run", {"train.max_steps=0", "train.epochs=4", "train.threads=2",
                          "data.test_samples=16", "data.train_samples=64"});
  REQUIRE(outcome.code == 0);
  CHECK(says(outcome,
             "changed from here on: data.test_samples 32 -> 16, train.epochs 3 -> 4, "
             "train.max_steps 5 -> 0, train.threads 1 -> 2"));
  CHECK(says(outcome, "not as before, so the bits may be others: threads 1 -> 2"));
  const auto history = lines_of(runs / "run" / "history.jsonl");
  REQUIRE(history.size() == 2);
  CHECK(history[0]["step"] == 0);
  CHECK(history[0]["changed"].empty());
  CHECK(history[0]["environment"]["threads"] == 1);
  CHECK(history[1]["step"] == 5);
  CHECK(history[1]["changed"].size() == 4);
  CHECK(history[1]["environment"]["threads"] == 2);
  CHECK(history[1]["command"][2] == "--resume");
  CHECK(history[1]["date"].get<std::string>().size() == 20);
  CHECK(history[1]["environment"]["program"].get<std::string>().starts_with("xxh64:"));

  // Other data of the same number and shape.
  const Outcome data = runs.resume("run", {"train.epochs=5", "data.name=fashion_mnist"});
  CAPTURE(data.err);
  CHECK((data.code == 2 || says(data, "data_hash")));
}

TEST_CASE("a copy by any tool goes on as the run itself") {
  const Runs runs;
  REQUIRE(runs.train("whole").code == 0);
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  for (const auto& [path, text] : files_of(runs / "run")) {
    fs::create_directories((runs / "copy" / path).parent_path());
    write_text(runs / "copy" / path, text);  // files and nothing else
  }
  for (const auto& entry : fs::recursive_directory_iterator(runs / "run")) {
    CHECK(!entry.is_symlink());
  }
  for (const char* name : {"run", "copy"}) {
    REQUIRE(runs.resume(name, {"train.max_steps=0"}).code == 0);
  }
  CHECK(result_of(runs / "copy") == result_of(runs / "run"));
}

TEST_CASE("a run whose checkpoints are gone is not begun anew, unless that is asked for") {
  const Runs runs;
  REQUIRE(runs.train("run").code == 0);
  const auto check = [&](const std::string& part) {
    const auto before = files_of(runs / "run");
    const Outcome outcome = runs.resume("run", {"train.epochs=4"});
    CHECK(outcome.code == 1);
    CHECK(outcome.has_one_line());
    CAPTURE(outcome.err);
    CHECK(says(outcome, part));
    CHECK(files_of(runs / "run") == before);
  };
  fs::rename(runs / "run/checkpoints", runs / "aside");
  check("--restart");
  fs::create_directory(runs / "run/checkpoints");
  check("--restart");
  fs::copy(runs / "aside" / kIndexFile, runs / "run/checkpoints" / kIndexFile);
  check("which is not there: was the folder copied whole?");
  write_text(runs / "run/checkpoints" / kIndexFile, "{}");
  check("does not fit its checksum");

  REQUIRE(runs.resume("run", {}, {"--restart"}).code == 0);
  REQUIRE(runs.train("again").code == 0);
  CHECK(result_of(runs / "run") == result_of(runs / "again"));
  CHECK(lines_of(runs / "run" / "history.jsonl").size() == 2);
  CHECK(test::tessera({"train", runs.config(), "--restart"}).code == 2);
}

TEST_CASE("records that cannot be read stop a resume and stay what they are") {
  const Runs runs;
  REQUIRE(runs.train("run", {"train.max_steps=6"}).code == 0);
  const fs::path metrics = runs / "run/metrics.jsonl";
  const std::string text = read_text(metrics);
  fs::remove(metrics);
  fs::create_directory(metrics);  // reading it fails with EISDIR
  CHECK(runs.resume("run", {"train.max_steps=0"}).code == 1);
  CHECK(fs::is_directory(metrics));
  fs::remove(metrics);

  // One damaged line in the middle costs that line.
  std::string damaged = text;
  damaged[damaged.find("\"train/loss\"", damaged.find('\n'))] = '\0';
  write_text(metrics, damaged);
  const Outcome outcome = runs.resume("run", {"train.max_steps=0"});
  CHECK(outcome.code == 0);
  CHECK(says(outcome, "holds 5 of 6 updates"));
  CHECK(read_text(metrics).starts_with(damaged.substr(0, damaged.rfind("\"step\""))));
}

TEST_CASE("without its records a run goes on and still knows its best") {
  const Runs runs;
  // At such a rate no later test is better than the first.
  const std::vector<std::string> still = {"optim.lr=1e-12", "train.max_steps=8"};
  REQUIRE(runs.train("run", still).code == 0);
  const std::string best = read_index(runs / "run/checkpoints")->best;
  REQUIRE(best == "step-4");
  fs::remove(runs / "run/metrics.jsonl");
  const Outcome outcome = runs.resume("run", {"train.max_steps=0"});
  REQUIRE(outcome.code == 0);
  CHECK(says(outcome, "holds 0 of 8 updates"));
  CHECK(read_index(runs / "run/checkpoints")->best == best);
}

TEST_CASE("a folder that a process left while making it is free, or can be resumed") {
  const Runs runs;
  const fs::path run = runs / "run";
  fs::create_directory(run);
  write_text(run / "train.log", "");
  write_text(run / ".config.yaml.tmp-1", "half");
  REQUIRE(runs.train("run").code == 0);
  CHECK(!fs::exists(run / ".config.yaml.tmp-1"));
  CHECK(runs.train("run").code == 1);

  // No room for its first file: nothing is left.
  const std::string limited = "ulimit -f 0; exec " + test::program() + " train " + runs.config() +
                              " --out " + (runs / "full").string() + " 2>/dev/null";
  CHECK(WEXITSTATUS(std::system(limited.c_str())) == 1);
  CHECK(!fs::exists(runs / "full"));

  // Only the configuration, as a kill right after it leaves it.
  fs::create_directory(runs / "begun");
  fs::copy(run / "config.yaml", runs / "begun/config.yaml");
  REQUIRE(runs.resume("begun").code == 0);
  CHECK(result_of(runs / "begun") == result_of(run));
}

TEST_CASE("a run's folder that is removed or replaced ends the run with an error") {
  const Runs runs;
  for (const bool replaced : {false, true}) {
    const fs::path run = runs / (replaced ? "replaced" : "removed");
    test::Program program({"train", runs.config(), "--out", run, "--set", "train.epochs=100000"});
    while (!fs::exists(run / "checkpoints" / kIndexFile)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    fs::rename(run, runs / "aside");
    if (replaced) fs::create_directory(run);
    const Outcome outcome = program.wait();
    CHECK(outcome.code == 1);
    CHECK(fs::exists(run) == replaced);
    if (replaced) CHECK(fs::is_empty(run));
    CHECK(says(outcome, "was removed or replaced while the run was at work in it"));
    fs::remove_all(runs / "aside");
  }
}

TEST_CASE(
    "a run of version 0.1 is tested, listed, watched, reported, resumed, and keeps its averages") {
  const Runs runs;
  const fs::path run = runs / "run";
  fs::copy(test::fixture("run_0_1"), run,
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const std::vector<nlohmann::json> lines = lines_of(run / "metrics.jsonl");
  const auto best = std::find_if(lines.begin(), lines.end(), [](const auto& line) {
    return line.contains("test_loss");
  });  // as version 0.1 wrote it
  REQUIRE(best != lines.end());
  const Outcome eval = test::tessera({"eval", run, "--json"});
  REQUIRE(eval.code == 0);
  CHECK(says(eval, "of version 0.1, which wrote no checksums"));
  CHECK(nlohmann::json::parse(eval.out)["loss"].get<double>() ==
        doctest::Approx((*best)["test_loss"].get<double>()).epsilon(1e-6));

  const Outcome list = test::tessera({"runs", runs / "run", "--json"});
  REQUIRE(list.code == 0);
  CHECK(nlohmann::json::parse(list.out)[0]["best"].get<double>() ==
        (*best)["test_top1"].get<double>());
  const Outcome watched = test::tessera({"watch", run});
  CHECK(watched.out.find("update 6/12") != std::string::npos);
  const Outcome report = test::tessera({"report", run, "--out", runs / "report.html"});
  CHECK(report.code == 0);
  CHECK(read_text(runs / "report.html").find("Confusion") != std::string::npos);

  // What version 0.1 itself went on to, with a rate that does not change.
  const Outcome outcome = runs.resume("run", {"optim.schedule.name=constant"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(says(outcome, "going on after step 6"));
  CHECK(!says(outcome, "updates; the others are lost"));
  const std::vector<double> losses{1.3895132541656494, 1.363290786743164, 1.3935213088989258,
                                   1.3619996309280396, 1.358291745185852, 1.352690577507019};
  const auto updates = read_updates(run / "metrics.jsonl");
  REQUIRE(updates.size() == 12);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    CHECK(updates[6 + i].step == static_cast<std::int64_t>(7 + i));
    CHECK(updates[6 + i].metrics.value("train/loss") == doctest::Approx(losses[i]).epsilon(1e-5));
  }
  const auto evaluations = read_evaluations(run / "metrics.jsonl");
  REQUIRE(evaluations.size() >= 2);
  CHECK(evaluations.back().step == 12);
  CHECK(evaluations.back().metrics.value("val/loss") ==
        doctest::Approx(1.398294839695109).epsilon(1e-5));
  const auto history = lines_of(run / "history.jsonl");
  REQUIRE(history.size() == 2);
  CHECK(history[0]["environment"]["tessera"] == "0.1.0");
}

TEST_CASE("a resume with another width says which key changed, in a line") {
  const test::ScratchFolder folder;
  write_text(folder / "c.yaml", test::kTinyConfig);
  const std::string run = folder / "run";
  REQUIRE(test::tessera({"train", folder / "c.yaml", "--out", run, "--set", "train.max_steps=1"})
              .code == 0);
  const Outcome outcome = test::tessera({"train", folder / "c.yaml", "--resume", run, "--set",
                                         "model.embed_dim=32", "--set", "train.max_steps=2"});
  CHECK(outcome.code == 2);
  CHECK(outcome.has_one_line());
  CHECK(outcome.err.find("of another model: model.embed_dim 16 -> 32") != std::string::npos);
}

}  // namespace
}  // namespace tessera
