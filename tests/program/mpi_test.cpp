// Training on several ranks, as mpirun starts them.
#include "tests/program/mpi.h"

#include <doctest/doctest.h>

#ifdef TESSERA_MPIRUN

namespace tessera {
namespace {

using test::apart;
using test::mpirun;
using test::Outcome;
using test::Runs;

/// All that is drawn at random, and all that happens between gradients and weights.
constexpr const char* kEverything = R"(
model: {patch_size: 4, embed_dim: 8, depths: [1, 2], num_heads: [1, 2], window_size: 4,
        drop_path: 0.2, dropout: 0.1}
data:
  name: synthetic
  batch_size: 12
  accumulate: 2
  train_samples: 240
  test_samples: 50
  augment: {crop_padding: 2, flip: true, erase: 0.25, mixup: 0.8, cutmix: 1.0}
optim: {name: muon, lr: 1.0e-3, momentum: 0.9, clip_norm: 0.5, ema: 0.9}
train: {epochs: 5, seed: 3, threads: 1, tensorboard: false, label_smoothing: 0.1}
)";

Outcome train(const Runs& runs, const std::string& name, int ranks,
              const std::vector<std::string>& settings = {}) {
  std::vector<std::string> arguments = {"train", runs.config(), "--out", runs.folder() / name};
  for (const std::string& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return test::Program(arguments, mpirun(ranks)).wait();
}

TEST_CASE("mpi: several ranks train what one process trains, and the same bits again") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  std::vector<std::string> settings;
  SUBCASE("muon") {}
  SUBCASE("adamw") { settings = {"optim.name=adamw"}; }
  SUBCASE("sgd, blocks recomputed, bce") {
    settings = {"optim.name=sgd", "optim.lr=0.02", "train.recompute=blocks",
                "train.loss=binary_cross_entropy"};
  }
  REQUIRE(runs.train("one", settings).code == 0);
  for (const int ranks : {2, 3}) {
    const std::string name = std::to_string(ranks);
    const Outcome outcome = train(runs, name, ranks, settings);
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(outcome.out.find("Trained for") == outcome.out.rfind("Trained for"));
    CHECK(apart(runs / "one", runs / name, "train/loss") < 1e-5);
    CHECK(apart(runs / "one", runs / name, "grad_norm") < 1e-4);
    CHECK(apart(runs / "one", runs / name, "val/loss") < 1e-5);
    CHECK(apart(runs / "one", runs / name, "val/top1") == 0.0);
    CHECK(test::read_text(runs / "one" / "val_right.txt") ==
          test::read_text(runs / name / "val_right.txt"));
  }
  CHECK(test::read_text(runs / "2" / "train.log").find("2 ranks of 1 thread") != std::string::npos);
  CHECK(nlohmann::json::parse(test::read_text(runs / "2" / "status.json"))["ranks"] == 2);
  REQUIRE(train(runs, "again", 2, settings).code == 0);
  CHECK(test::result_of(runs / "2") == test::result_of(runs / "again"));
}

TEST_CASE("mpi: gradients that travel as bf16 train nearly the same, on all ranks alike") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  REQUIRE(runs.train("one").code == 0);
  REQUIRE(train(runs, "two", 2, {"train.wire=bf16"}).code == 0);
  const double difference = apart(runs / "one", runs / "two", "train/loss");
  CHECK(difference > 0.0);
  CHECK(difference < 0.02);
}

TEST_CASE("mpi: a run goes on with another number of ranks") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  const std::string schedule = "optim.schedule.name=constant";  // of no length that a stop changes
  std::string optimizer;
  SUBCASE("muon, which all ranks run alike") { optimizer = "optim.name=muon"; }
  SUBCASE("adamw, whose state each rank has a part of") { optimizer = "optim.name=adamw"; }
  REQUIRE(runs.train("one", {schedule, optimizer}).code == 0);
  REQUIRE(train(runs, "run", 2, {"train.max_steps=17", schedule, optimizer}).code == 0);
  for (const int ranks : {3, 2}) {
    const Outcome outcome = test::Program({"train", "--resume", runs.folder() / "run", "--set",
                                           ranks == 3 ? "train.max_steps=31" : "train.max_steps=0"},
                                          mpirun(ranks))
                                .wait();
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  }
  CHECK(apart(runs / "one", runs / "run", "train/loss") < 1e-4);
  const Outcome done =
      test::Program({"train", "--resume", runs.folder() / "run"}, mpirun(2)).wait();
  CHECK(done.code == 0);
  CHECK(done.err.find("nothing is left to train") != std::string::npos);
  REQUIRE(runs.resume("run", {"train.epochs=6"}).code == 0);
}

/// Rates so small that weights stay what they are drawn to be: whatever differs is the
/// evaluation's.
TEST_CASE("mpi: an evaluation finds the same on any number of ranks, answer by answer") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  const std::vector<std::string> still = {"optim.name=sgd", "optim.lr=1.0e-30", "optim.ema=0",
                                          "train.epochs=1"};
  REQUIRE(runs.train("one", still).code == 0);
  const std::string answers = test::read_text(runs / "one" / "val_right.txt");
  CHECK(answers.find_first_not_of("01", answers.find('\n') + 1) == answers.size() - 1);
  CHECK(answers.size() == std::string("10\n").size() + 50 + 1);
  for (const int ranks : {2, 3, 4}) {
    CAPTURE(ranks);
    const std::string name = std::to_string(ranks);
    REQUIRE(train(runs, name, ranks, still).code == 0);
    test::check_same_evaluation(runs / "one", runs / name);
    CHECK(test::read_text(runs / name / "val_right.txt") == answers);
  }
}

}  // namespace
}  // namespace tessera

#else

namespace tessera {
namespace {

TEST_CASE("mpi: a program built without it refuses to be one of several ranks") {
  MESSAGE("left out: what mpirun starts, for this tessera is built without MPI");
  const test::Runs runs;
  const test::Outcome outcome =
      test::Program({"train", runs.config(), "--out", runs.folder() / "run"},
                    {"env", "OMPI_COMM_WORLD_SIZE=2"})
          .wait();
  CHECK(outcome.code == 2);
  CHECK(outcome.has_one_line());
  CHECK(outcome.err.find("built without MPI") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(runs / "run"));
}

}  // namespace
}  // namespace tessera

#endif
