// Bad input: one line on standard error and the documented exit code, each time.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <sstream>

#include "tests/program/program.h"
#include "tests/program/run_folder.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::kTinyConfig;
using test::Outcome;
using test::ScratchFolder;
using test::write_text;

class Bad {
 public:
  Bad() { write_text(folder_ / "tiny.yaml", kTinyConfig); }

  std::string config() const { return folder_ / "tiny.yaml"; }
  const ScratchFolder& folder() const { return folder_; }

  void check(std::vector<std::string> arguments, int code, const std::string& part) const {
    const Outcome outcome = test::tessera(std::move(arguments));
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    CHECK(outcome.has_one_line());
    CHECK_MESSAGE(outcome.err.find(part) != std::string::npos, "expected: ", part);
  }

  void check_set(const std::string& override_text, int code, const std::string& part) const {
    check({"train", config(), "--out", folder_ / "run", "--set", override_text}, code, part);
    CHECK(!fs::exists(folder_ / "run"));
  }

 private:
  ScratchFolder folder_;
};

TEST_CASE("configurations that cannot be meant exit with 2") {
  const Bad bad;
  bad.check_set("model.path_size=4", 2, "did you mean patch_size");
  bad.check_set("model.patch_size=four", 2, "model.patch_size");
  bad.check_set("model.patch_size=64", 2, "is larger than image_size");
  bad.check_set("model.num_heads=[3,4]", 2, "heads");
  bad.check_set("train.epochs", 2, "--set");
  write_text(bad.folder() / "twice.yaml", "train:\n  epochs: 8\n  epochs: 16\n");
  bad.check({"inspect", bad.folder() / "twice.yaml"}, 2, "twice.yaml:3:3");
  bad.check({"inspect", bad.folder() / "none.yaml"}, 2, "none.yaml");
}

TEST_CASE("command lines that cannot be meant exit with 2") {
  const Bad bad;
  bad.check({}, 2, "--help");
  bad.check({"trian", bad.config()}, 2, "trian: no such command");
  bad.check({"data", "chekc", bad.config()}, 2, "chekc: no such command");
  bad.check({"data"}, 2, "--help");
  bad.check({"train", "--resume", bad.folder() / "a", "--out", bad.folder() / "b"}, 2, "--out");
  bad.check({"bench", bad.config(), "--batch", "0"}, 2, "0 not in range 1 to 1000000");
  bad.check({"init", bad.folder() / "images", "--hours", "nan"}, 2,
            "nan not in range 0.01 to 10000");
  bad.check({"train"}, 2, "config");
  bad.check({"predict"}, 2, "path is required (tessera predict --help shows how)");
  bad.check({"data", "show"}, 2, "(tessera data show --help shows how)");
  bad.check({"train", bad.config(), "--epochs", "3"}, 2, "--epochs");
  bad.check({"eval", bad.folder() / "run", "--split", "validation"}, 2, "--split");
  CHECK(test::tessera({"--help"}).code == 0);
  CHECK(test::tessera({"train", "--help"}).code == 0);
  CHECK(test::tessera({"--version"}).code == 0);
}

TEST_CASE("help is as narrow as a terminal, says what a value is, and ends with an example") {
  const std::string all = test::tessera({"--help"}).out;
  std::istringstream commands(all.substr(all.find("Subcommands:")));
  std::string line;
  std::getline(commands, line);
  while (std::getline(commands, line)) {
    if (line.starts_with("   ") || line.size() < 3) continue;
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    const std::string help = test::tessera({name, "--help"}).out;
    CAPTURE(name);
    CHECK(help.find("TEXT") == std::string::npos);
    CHECK(help.find("Example:\n  tessera " + name) != std::string::npos);
    std::istringstream lines(help.substr(0, help.find("Example:")));
    for (std::string row; std::getline(lines, row);) {
      CAPTURE(row);
      CHECK(row.size() <= 80);
    }
  }
}

/// The commands that a page of help lists.
std::vector<std::string> commands_in(const std::string& help) {
  std::vector<std::string> names;
  const std::size_t begin = help.find("Subcommands:\n");
  if (begin == std::string::npos) return names;
  std::istringstream lines(help.substr(help.find('\n', begin) + 1));
  for (std::string line; std::getline(lines, line) && line.starts_with("  ");) {
    if (line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

TEST_CASE("an option takes one word each time in every command, as its help says") {
  std::vector<std::vector<std::string>> commands;
  for (const std::string& name : commands_in(test::tessera({"--help"}).out)) {
    commands.push_back({name});
    for (const std::string& sub : commands_in(test::tessera({name, "--help"}).out)) {
      commands.push_back({name, sub});
    }
  }
  int with_set = 0;
  for (const std::vector<std::string>& command : commands) {
    CAPTURE(fmt::format("{}", fmt::join(command, " ")));
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    const std::string help = test::tessera(arguments).out;
    arguments.pop_back();
    std::istringstream lines(help.substr(0, help.find("Example:")));
    bool sets = false, open = false;
    std::string part;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(' ')) part = line;
      const std::string what = line.substr(0, line.find("   ", 3));
      const bool many = what.ends_with(" ...");
      if (part == "Positionals:" && line.starts_with("  ") && line[2] != ' ') {
        arguments.emplace_back("x");
        open = open || many || line.find(" ... ") != std::string::npos;
      }
      if (part == "Options:" && what.starts_with("  -")) {
        CHECK_MESSAGE(what.find(" ...") == std::string::npos, what);
        if (what.find(" REQUIRED") != std::string::npos) {
          arguments.insert(arguments.end(), {what.substr(2, what.find(' ', 2) - 2), "x"});
        }
        if (what.find(" --set ") == std::string::npos) continue;
        CHECK(what == "  --set KEY=VALUE (may be repeated)");
        sets = true;
      }
    }
    if (!sets || open) continue;
    ++with_set;
    arguments.insert(arguments.end(), {"--set", "model.patch_size=2", "data.batch_size=3"});
    const Outcome outcome = test::tessera(arguments);
    CHECK(outcome.code == 2);
    CHECK_MESSAGE(outcome.err.find("not expected: data.batch_size=3; each --set takes one") !=
                      std::string::npos,
                  outcome.err);
  }
  CHECK(with_set > 12);
}

TEST_CASE("data that is not there or not what it should be exits with 1") {
  const Bad bad;
  const std::string out = bad.folder() / "run";
  const auto train = [&](const std::string& name, const std::string& root) {
    return std::vector<std::string>{
        "train", bad.config(),           "--out", out,
        "--set", "data.name=" + name,    "--set", "data.root=" + root,
        "--set", "data.train_samples=0", "--set", "data.test_samples=0"};
  };
  bad.check(train("fashion_mnist", "/nowhere"), 1, "dataset-fashion-mnist");
  bad.check(train("cifar10", "/nowhere"), 1, "cifar");
  const fs::path cifar = bad.folder() / "cifar";
  fs::create_directory(cifar);
  for (int i = 1; i <= 5; ++i) write_text(cifar / fmt::format("data_batch_{}.bin", i), "short");
  bad.check(train("cifar10", cifar), 1, "30730000");
  CHECK(!fs::exists(out));
}

TEST_CASE("a configuration without a data set cannot be trained on") {
  const Bad bad;
  bad.check_set("data.name=none", 2, "data.name");
  bad.check({"train", bad.config(), "--dry-run", "--set", "data.name=none"}, 2, "data.name");
  bad.check({"data", "check", bad.config(), "--set", "data.name=none"}, 2, "data.name");
}

TEST_CASE("images that are none exit with 1") {
  const Bad bad;
  const fs::path run = bad.folder() / "run";
  REQUIRE(test::tessera({"train", bad.config(), "--out", run, "--set", "train.max_steps=1"}).code ==
          0);
  write_text(bad.folder() / "text.png", "this is no picture\n");
  write_text(bad.folder() / "empty.png", "");
  bad.check({"predict", run, bad.folder() / "text.png"}, 1, "text.png");
  bad.check({"predict", run, bad.folder() / "empty.png"}, 1, "empty");
  bad.check({"predict", run, bad.folder() / "missing.png"}, 1, "missing.png");
}

TEST_CASE("folders and checkpoints that cannot be used exit with 1") {
  const Bad bad;
  const fs::path run = bad.folder() / "run";
  REQUIRE(test::tessera({"train", bad.config(), "--out", run, "--set", "train.max_steps=1"}).code ==
          0);
  bad.check({"train", bad.config(), "--out", run}, 1, "is not empty");
  bad.check({"train", bad.config(), "--out", bad.config()}, 1, "is a file");
  bad.check({"train", bad.config(), "--out", "/proc/run"}, 1, "--out");
  bad.check({"eval", bad.folder() / "nothing"}, 1, "nothing");
  bad.check({"eval", bad.config()}, 1, "is a file");
  bad.check({"inspect", run / "checkpoints" / "none"}, 2, "none");
  bad.check({"inspect", bad.folder() / "no_run" / "best"}, 1, "does not exist");
  fs::create_directory(bad.folder() / "empty");
  bad.check({"inspect", bad.folder() / "empty"}, 1, "no checkpoint");
  bad.check({"train", "--resume", bad.folder() / "nothing"}, 1, "config.yaml");
  // A checkpoint of another model: a report, a line a tensor.
  const Outcome other = test::tessera({"eval", run, "--set", "model.embed_dim=32"});
  CHECK(other.code == 1);
  CHECK(other.err.find("stages.0.blocks.0.attn.qkv.weight") != std::string::npos);
}

TEST_CASE("a full disk keeps the last good checkpoint") {
  const Bad bad;
  const fs::path run = bad.folder() / "run";
  REQUIRE(test::tessera({"train", bad.config(), "--out", run, "--set", "train.epochs=1"}).code ==
          0);
  const std::string before =
      test::read_text(test::checkpoint_of(run, CheckpointChoice::kLast) / "model.safetensors");
  // Files may grow to 40 kB: the metrics fit, a checkpoint does not.
  const std::string command =
      fmt::format("ulimit -f 40; exec {} train {} --resume {} --set train.epochs=2 2>{}",
                  test::program(), bad.config(), run.string(), (bad.folder() / "err").string());
  const int status = std::system(command.c_str());
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(test::read_text(bad.folder() / "err").find("checkpoints") != std::string::npos);
  CHECK(test::read_text(test::checkpoint_of(run, CheckpointChoice::kLast) / "model.safetensors") ==
        before);
  CHECK(test::tessera({"train", bad.config(), "--resume", run, "--set", "train.epochs=2"}).code ==
        0);
}

TEST_CASE("a run that took no step leaves no folder, whatever it failed of") {
  const Bad bad;
  // Pixels that no number of this size can hold once they are normalised.
  const Outcome early = test::tessera({"train", bad.config(), "--out", bad.folder() / "early",
                                       "--set", "data.normalize.std=[1.0e-40, 1.0e-40, 1.0e-40]"});
  CHECK(early.code == 1);
  CHECK(early.err.find("step 0: the loss is not finite: the batch of images") != std::string::npos);
  CHECK(early.err.find("look at data.normalize") != std::string::npos);
  CHECK(!fs::exists(bad.folder() / "early"));
  // One that was begun and failed later is there to be looked at.
  const fs::path late = bad.folder() / "late";
  CHECK(test::tessera({"train", bad.config(), "--out", late, "--set", "optim.lr=1.0e+30"}).code ==
        1);
  CHECK(fs::exists(late / "metrics.jsonl"));
}

TEST_CASE("what cannot take a step is refused before a folder is made, by a dry run too") {
  const ScratchFolder folder;
  write_text(folder / "t.yaml", test::kTinyConfig);
  for (const auto& [setting, says] :
       {std::pair{"data.batch_size=4096", "training samples do not fill one update"},
        std::pair{"train.epochs=0", "there is nothing to train"}}) {
    for (const bool dry : {false, true}) {
      CAPTURE(setting);
      std::vector<std::string> arguments = {"train",        folder / "t.yaml", "--out",
                                            folder / "run", "--set",           setting};
      if (dry) arguments.emplace_back("--dry-run");
      const test::Outcome outcome = test::tessera(arguments);
      CHECK(outcome.code == 2);
      CHECK(outcome.err.find(says) != std::string::npos);
      CHECK(!std::filesystem::exists(folder / "run"));
    }
  }
}

}  // namespace
}  // namespace tessera
