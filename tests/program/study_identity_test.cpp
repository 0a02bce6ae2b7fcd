// Studies on another machine, with runs that end early, and with cells that are the same runs.
#include <filesystem>

#include "tests/program/study.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::ablate;
using test::check_kept;
using test::logs_of;
using test::Outcome;
using test::read_text;
using test::results_of;
using test::ScratchFolder;
using test::study_in;

constexpr const char* kTwoRates = R"(
axes: {optim.lr: [1.0e-3, 2.0e-3]}
seeds: [0]
metrics: [top1]
)";

TEST_CASE("a study on a machine with more threads and workers keeps its runs") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study = study_in(folder, kTwoRates + std::string("train: {epochs: 1}\n"));
  REQUIRE(ablate(study, out).code == 0);
  const auto before = logs_of(out);
  REQUIRE(before.size() == 2);
  const Outcome again = ablate(study, out,
                               {"--set", "train.threads=2", "--set", "data.workers=3", "--set",
                                "train.tensorboard=false", "--set", "train.checkpoint_every=5"});
  CHECK(again.code == 0);
  check_kept(before, out);
  CHECK(logs_of(out).size() == 2);
}

TEST_CASE("updates and seconds of runs that end early are those made, not those planned") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  // A learning rate of next to nothing: no evaluation is better than the first.
  const std::string study = study_in(folder,
                                     "axes: {optim.lr: [1.0e-12]}\nseeds: [0]\nmetrics: [top1]\n"
                                     "train: {epochs: 9, patience: 2}\n");
  REQUIRE(ablate(study, out).code == 0);
  const auto results = results_of(out);
  const auto& cell = results["cells"][0];
  const auto planned = cell["plan"]["updates"].get<std::int64_t>();
  const auto made = cell["runs"][0]["updates"].get<std::int64_t>();
  CHECK(planned == 180);
  CHECK(made == 60);
  CHECK(read_text(out / "results.md").find("60 of 180") != std::string::npos);
  CHECK(read_text(out / "results.csv").find(",60,") != std::string::npos);
  CHECK(read_text(out / "results.csv").find(",180,") == std::string::npos);
}

TEST_CASE("cells that a match makes the same runs are told of, not compared") {
  const ScratchFolder folder;
  const fs::path out = folder / "out";
  const std::string study =
      study_in(folder,
               "axes: {model.embed_dim: [16, 24]}\nseeds: [0]\nmatch: params\n"
               "metrics: [top1]\ntrain: {epochs: 1}\n");
  const Outcome outcome = ablate(study, out);
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("embed_dim 24 is the same run as its baseline, embed_dim 16, once matched "
                         "by params: there is nothing to compare") != std::string::npos);
  CHECK(outcome.out.find("same runs") != std::string::npos);
  const auto results = results_of(out);
  CHECK(results["cells"][1]["same_as_baseline"] == true);
  CHECK_FALSE(results["cells"][1]["summary"]["val/top1"].contains("difference"));
  CHECK(read_text(out / "report.html").find("same runs") != std::string::npos);
  CHECK(logs_of(out).size() == 1);
}

}  // namespace
}  // namespace tessera
