// Standard streams that are closed or full, and signals before there is anything to save.
#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>

#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::lines_of;
using test::Outcome;
using test::Program;
using test::read_text;
using test::result_of;
using test::Runs;

/// The exit code of a line for the shell in which `$T` is the program.
int shell(const std::string& line) {
  const int status = std::system(("T=" + test::program() + "; " + line).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string state_of(const fs::path& run) {
  return nlohmann::json::parse(read_text(run / "status.json"))["state"];
}

TEST_CASE("a full or closed standard error ends no training") {
  const Runs runs;
  REQUIRE(runs.train("whole").code == 0);
  const std::string train = "$T train " + runs.config() + " --out " + runs.folder().path().string();
  CHECK(shell(train + "/full >/dev/null 2>/dev/full") == 0);
  CHECK(shell(train + "/closed <&- >&- 2>&-") == 0);
  CHECK(shell(train + "/pipe 2>&1 >/dev/null | true") == 0);
  for (const char* name : {"full", "closed", "pipe"}) {
    CAPTURE(name);
    while (state_of(runs / name) == "running") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(state_of(runs / name) == "finished");
    CHECK(result_of(runs / name) == result_of(runs / "whole"));
    CHECK(read_text(runs / name / "train.log").find("epoch 3/3") != std::string::npos);
  }
  CHECK(shell("$T eval " + (runs / "none").string() + " 2>/dev/full") == 1);
}

TEST_CASE("results that could not be written are an error with a reason") {
  const Runs runs;
  REQUIRE(runs.train("run").code == 0);
  const std::string run = runs / "run";
  const fs::path error = runs / "err";
  for (const std::string& command :
       {"eval " + run, "eval " + run + " --json", "inspect " + runs.config(), "runs " + run,
        "runs " + run + " --json", "train " + runs.config() + " --dry-run", std::string("config"),
        "watch " + run, std::string("ablate --help"), std::string("--version")}) {
    CAPTURE(command);
    CHECK(shell("$T " + command + " >/dev/full 2>" + error.string()) == 1);
    CHECK(read_text(error).find("No space left on device") != std::string::npos);
    CHECK(std::ranges::count(read_text(error), '\n') == 1);
  }
  // What was trained is trained.
  CHECK(shell("$T train " + runs.config() + " --out " + (runs / "full").string() +
              " >/dev/full 2>/dev/null") == 1);
  CHECK(state_of(runs / "full") == "finished");
}

/// The process has begun to run its own code, which keeps SIGUSR1 for later or heeds it.
void wait_until_begun(const Program& program) {
  constexpr unsigned long long kUser1 = 1u << (SIGUSR1 - 1);
  const fs::path status = fs::path("/proc") / std::to_string(program.id()) / "status";
  for (unsigned long long blocked = 0, caught = 0; ((blocked | caught) & kUser1) == 0;) {
    std::istringstream text(read_text(status));
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      if (name == "SigBlk:") words >> std::hex >> blocked;
      if (name == "SigCgt:") words >> std::hex >> caught;
    }
  }
}

TEST_CASE("SIGUSR1 at any moment: a checkpoint once there is something to save, and a report") {
  const Runs runs;
  int reports = 0;
  for (const int milliseconds : {0, 5, 15, 30, 60, 120}) {
    const std::string name = "run" + std::to_string(milliseconds);
    Program program({"train", runs.config(), "--out", runs / name, "--set", "train.epochs=40"});
    wait_until_begun(program);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    program.send(SIGUSR1);
    const Outcome outcome = program.wait();
    CHECK(outcome.code == 0);
    const std::size_t report = outcome.err.find("SIGUSR1: epoch ");
    if (report == std::string::npos) continue;
    ++reports;
    const std::string line = outcome.err.substr(report, outcome.err.find('\n', report) - report);
    for (const char* part : {"step ", "loss ", "lr ", "images/s", "saved"}) {
      CHECK(line.find(part) != std::string::npos);
    }
  }
  CHECK(reports > 0);
}

TEST_CASE("SIGHUP saves as SIGTERM does; a run that was started to ignore it goes on") {
  const Runs runs;
  REQUIRE(runs.train("whole", {"train.epochs=400"}).code == 0);
  const auto trains = [](const fs::path& run) {
    return fs::exists(run / "checkpoints" / kIndexFile);
  };
  Program program({"train", runs.config(), "--out", runs / "run", "--set", "train.epochs=400"});
  while (!trains(runs / "run")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  program.send(SIGHUP);
  const Outcome outcome = program.wait();
  CHECK(outcome.code == 128 + SIGHUP);
  CHECK(outcome.err.find("SIGHUP: saving step") != std::string::npos);
  CHECK(state_of(runs / "run") == "stopped");
  REQUIRE(runs.resume("run").code == 0);
  CHECK(result_of(runs / "run") == result_of(runs / "whole"));

  CHECK(shell("trap '' HUP; $T train " + runs.config() + " --out " + (runs / "nohup").string() +
              " >/dev/null 2>&1 & p=$!; while [ ! -e " +
              (runs / "nohup/checkpoints/checkpoints.json").string() +
              " ]; do sleep 0.01; done; kill -HUP $p; wait $p") == 0);
}

}  // namespace
}  // namespace tessera
