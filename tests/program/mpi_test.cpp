// Training on several ranks, as mpirun starts them.
#include "tests/program/mpi.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/posix.h"

#ifdef TESSERA_MPIRUN

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::apart;
using test::mpirun;
using test::Outcome;
using test::Runs;
using Clock = std::chrono::steady_clock;

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
  // It blows rounding up: directions that a gradient hardly has get the size of the others.
  SUBCASE("muon") { settings = {"optim.lr=3.0e-4"}; }
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
  REQUIRE(runs.train("one", {schedule}).code == 0);
  REQUIRE(train(runs, "run", 2, {"train.max_steps=17", schedule}).code == 0);
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

/// The ranks that `launcher` has started, by rank.
std::vector<pid_t> ranks_of(pid_t launcher, std::size_t count) {
  for (int tries = 0; tries < 500; ++tries) {
    std::vector<pid_t> ranks;
    const std::string task = std::to_string(launcher);
    std::istringstream children(test::read_text("/proc/" + task + "/task/" + task + "/children"));
    for (pid_t child = 0; children >> child;) ranks.push_back(child);
    if (ranks.size() == count) return ranks;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

void wait_for(const fs::path& path) {
  for (int tries = 0; tries < 1000 && !is_there(path); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  REQUIRE(is_there(path));
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

TEST_CASE("mpi: whatever ends one rank ends all, within ten seconds, and the run goes on") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  test::Program program({"train", runs.config(), "--out", runs.folder() / "run", "--set",
                         "train.epochs=5000", "--set", "train.checkpoint_every=5"},
                        mpirun(3));
  wait_for(runs / "run/checkpoints/checkpoints.json");
  const std::vector<pid_t> ranks = ranks_of(program.id(), 3);
  REQUIRE(ranks.size() == 3);
  int code = 0;
  SUBCASE("killed") {
    ::kill(ranks[1], SIGKILL);
    code = 137;
  }
  SUBCASE("asked to stop") {
    ::kill(ranks[2], SIGTERM);
    code = 128 + SIGTERM;
  }
  const auto start = Clock::now();
  const Outcome outcome = program.wait();
  CHECK(Clock::now() - start < std::chrono::seconds(10));
  CHECK(outcome.code == code);
  if (code == 128 + SIGTERM) {
    CHECK(count(outcome.err, "SIGTERM: saving step") == 1);
    CHECK(count(outcome.out, "Stopped after step") == 1);
  }
  REQUIRE(test::Program({"train", "--resume", runs.folder() / "run", "--set", "train.epochs=20",
                         "--set", "train.max_steps=200"},
                        mpirun(2))
              .wait()
              .code == 0);
}

TEST_CASE("mpi: an error is said once, by whichever rank it is of") {
  if (!test::has_ranks()) return;
  const Runs runs(kEverything);
  std::vector<std::string> settings;
  std::string line;
  int code = 1;
  SUBCASE("the same on all") {
    settings = {"model.patch_siz=3"};
    line = "unknown key model.patch_siz";
    code = 2;
  }
  SUBCASE("too many ranks") {
    settings = {"data.batch_size=2"};
    line = "data.batch_size 2: too small for 3 ranks";
    code = 2;
  }
  SUBCASE("numbers that are not finite") {
    settings = {"optim.lr=1e30", "optim.name=sgd", "optim.clip_norm=0"};
    line = "is not finite";
  }
  const auto start = Clock::now();
  const Outcome outcome = train(runs, "run", 3, settings);
  CHECK(fs::exists(runs / "run") == (code == 1));
  CHECK(Clock::now() - start < std::chrono::seconds(20));
  CHECK(outcome.code == code);
  CHECK(count(outcome.err, "tessera: ") == 1);
  CHECK(outcome.err.find(line) != std::string::npos);
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
