// A study that several processes train together.
#include <chrono>
#include <memory>
#include <thread>

#include "tests/program/study.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::findings_of;
using test::Outcome;

std::unique_ptr<test::Program> join(const std::string& study, const fs::path& out,
                                    const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"ablate", study,       "--out", out,     "--no-measure",
                                     "--join", "--silence", "5",     "--set", "train.threads=1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return std::make_unique<test::Program>(arguments);
}

std::size_t runs_begun(const fs::path& out) {
  std::error_code none;
  const fs::directory_iterator runs(out / "cells", none);
  return static_cast<std::size_t>(std::distance(fs::begin(runs), fs::end(runs)));
}

TEST_CASE("joined processes find what one finds, though some of them are killed") {
  const test::ScratchFolder folder;
  const std::string study = test::study_in(folder);
  const fs::path alone = folder / "alone", together = folder / "together";
  REQUIRE(test::ablate(study, alone, {"--set", "train.threads=1"}).code == 0);
  std::vector<std::unique_ptr<test::Program>> programs;
  for (int i = 0; i < 4; ++i) programs.push_back(join(study, together));
  for (const std::size_t begun : {2u, 4u, 6u}) {
    while (runs_begun(together) < begun) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    programs.back()->send(SIGKILL);
    CHECK(programs.back()->wait().code == 137);
    programs.pop_back();
    programs.insert(programs.begin(), join(study, together));
  }
  for (const auto& program : programs) {
    const Outcome outcome = program->wait();
    CHECK_MESSAGE(outcome.code == 0, outcome.err);
  }
  CHECK(findings_of(together) == findings_of(alone));
  const Outcome status =
      test::tessera({"ablate", study, "--out", together, "--status", "--set", "train.threads=1"});
  CHECK(status.code == 0);
  CHECK(status.out.find("8 done") != std::string::npos);
}

TEST_CASE(
    "a run that fails is tried by one of those who have joined, and by whoever starts later") {
  const test::ScratchFolder folder;
  const std::string study = test::study_in(folder, R"(
axes: {optim.lr: [0.001, 1.0e30]}
seeds: [0]
baseline: {optim.lr: 0.001}
)");
  const std::vector<std::string> more = {"--set", "optim.name=sgd", "--set", "optim.clip_norm=0"};
  const fs::path out = folder / "out";
  const auto one = join(study, out, more), other = join(study, out, more);
  const Outcome first = one->wait(), second = other->wait();
  CHECK(first.code == 1);
  CHECK(second.code == 1);
  const std::string failed = "failed: step";
  const std::string both = first.err + second.err;
  CHECK(both.find(failed) != std::string::npos);
  CHECK(both.find(failed) == both.rfind(failed));
  CHECK(test::results_of(out)["cells"][1]["runs"][0]["status"] == "failed");
  CHECK(join(study, out, more)->wait().err.find(failed) != std::string::npos);
}

TEST_CASE("who joins and who does not cannot work on one study, and what cannot be meant is said") {
  const test::ScratchFolder folder;
  const std::string study = test::study_in(folder);
  const Outcome missing = test::tessera({"ablate", study, "--out", folder / "none", "--status"});
  CHECK(missing.code == 2);
  CHECK(missing.has_one_line());
  const Outcome take = test::tessera(
      {"ablate", study, "--join", "--take-from", folder / "x", "--out", folder / "y"});
  CHECK(take.code == 2);
  CHECK(!fs::exists(folder / "y"));
}

}  // namespace
}  // namespace tessera
