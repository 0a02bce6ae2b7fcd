// Trainings on several ranks, one of which fails: all end within seconds, one line says why, the
// last checkpoint is whole and the run goes on from it.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/posix.h"
#include "tests/data/image_tree.h"
#include "tests/program/mpi.h"

#ifdef TESSERA_MPIRUN

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::mpirun;
using test::Outcome;
using test::Runs;
using Clock = std::chrono::steady_clock;

constexpr const char* kShapes = R"(
model: {patch_size: 4, embed_dim: 8, depths: [1, 2], num_heads: [1, 2], window_size: 4}
data: {name: synthetic, batch_size: 12, train_samples: 240, test_samples: 50}
optim: {ema: 0.9}
train: {epochs: 5000, seed: 3, threads: 1, checkpoint_every: 5, tensorboard: false}
)";

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

void wait_for(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 1500 && !condition(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  REQUIRE(condition());
}

/// A training on three ranks that has saved its first checkpoint.
class Training {
 public:
  static constexpr int kRanks = 3;

  explicit Training(const Runs& runs, const std::vector<std::string>& settings = {})
      : runs_(runs), program_(arguments(settings), mpirun(kRanks)) {
    const std::string task = std::to_string(program_.id());
    wait_for([&] {
      ranks_.clear();
      std::istringstream children(test::read_text("/proc/" + task + "/task/" + task + "/children"));
      for (pid_t child = 0; children >> child;) ranks_.push_back(child);
      return ranks_.size() == kRanks && is_there(runs_ / "run/checkpoints/checkpoints.json");
    });
  }

  pid_t rank(std::size_t number) const { return ranks_.at(number); }

  std::string log() const { return test::read_text(runs_ / "run" / "train.log"); }

  /// Ends within ten seconds from now.
  Outcome wait() {
    const auto start = Clock::now();
    const Outcome outcome = program_.wait();
    CHECK(Clock::now() - start < std::chrono::seconds(10));
    return outcome;
  }

 private:
  std::vector<std::string> arguments(const std::vector<std::string>& settings) const {
    std::vector<std::string> all = {"train", runs_.config(), "--out", runs_ / "run"};
    for (const std::string& setting : settings) all.insert(all.end(), {"--set", setting});
    return all;
  }

  const Runs& runs_;
  test::Program program_;
  std::vector<pid_t> ranks_;
};

/// It ended with this error, which is said once and kept in the run's state.
void check_failed(const Runs& runs, const Outcome& outcome, const std::string& line) {
  INFO(outcome.err);
  CHECK(outcome.code == 1);
  CHECK(count(outcome.err, "tessera: ") == 1);
  CHECK(count(outcome.err, line) == 1);
  REQUIRE(fs::exists(runs / "run" / "status.json"));
  const auto status = nlohmann::json::parse(test::read_text(runs / "run" / "status.json"));
  CHECK(status["state"] == "failed");
  CHECK(count(status["reason"].get<std::string>(), line) == 1);
}

/// From the last checkpoint, which is whole, on another number of ranks.
void check_goes_on(const Runs& runs) {
  const auto step = [&] {
    const fs::path last = test::checkpoint_of(runs / "run", CheckpointChoice::kLast);
    return nlohmann::json::parse(test::read_text(last / "meta.json"))["step"].get<int>();
  };
  const int before = step();
  const std::string end = "train.max_steps=" + std::to_string(before + 3);
  const Outcome outcome =
      test::Program({"train", "--resume", runs / "run", "--set", end}, mpirun(2)).wait();
  CHECK_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(step() == before + 3);
}

TEST_CASE("mpi: whatever ends one rank ends all, within ten seconds, and the run goes on") {
  if (!test::has_ranks()) return;
  const Runs runs(kShapes);
  Training training(runs);
  std::size_t rank = 0;
  int signal = 0;
  SUBCASE("the first is killed") { signal = SIGKILL; }
  SUBCASE("another is killed") { rank = 1, signal = SIGKILL; }
  SUBCASE("the first is asked to stop") { signal = SIGTERM; }
  SUBCASE("another is asked to stop") { rank = 2, signal = SIGTERM; }
  SUBCASE("another is interrupted") { rank = 1, signal = SIGINT; }
  ::kill(training.rank(rank), signal);
  const Outcome outcome = training.wait();
  CHECK(outcome.code == 128 + signal);
  if (signal != SIGKILL) {
    CHECK(count(outcome.err, ": saving step") == 1);
    CHECK(count(outcome.out, "Stopped after step") == 1);
  }
  check_goes_on(runs);
}

TEST_CASE("mpi: a rank that gets SIGUSR1 has the run saved and told of, once, and all go on") {
  if (!test::has_ranks()) return;
  const Runs runs(kShapes);
  Training training(runs, {"train.checkpoint_every=1"});
  std::size_t rank = 0;
  SUBCASE("the first") {}
  SUBCASE("another") { rank = 2; }
  ::kill(training.rank(rank), SIGUSR1);
  wait_for([&] { return count(training.log(), "SIGUSR1: epoch") == 1; });
  ::kill(training.rank(1), SIGTERM);
  const Outcome outcome = training.wait();
  CHECK(outcome.code == 128 + SIGTERM);
  CHECK(count(outcome.err, "SIGUSR1: epoch") == 1);
  CHECK(count(outcome.err, "SIGTERM: saving step") == 1);
  check_goes_on(runs);
}

TEST_CASE("mpi: an error is said once, by whichever rank it is of") {
  if (!test::has_ranks()) return;
  const Runs runs(kShapes);
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
    settings = {"optim.lr=1e30", "optim.name=sgd"};
    line = "is not finite";
  }
  std::vector<std::string> arguments = {"train", runs.config(), "--out", runs / "run"};
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  const auto start = Clock::now();
  const Outcome outcome = test::Program(arguments, mpirun(3)).wait();
  CHECK(fs::exists(runs / "run") == (code == 1));
  CHECK(Clock::now() - start < std::chrono::seconds(20));
  CHECK(outcome.code == code);
  CHECK(count(outcome.err, "tessera: ") == 1);
  CHECK(outcome.err.find(line) != std::string::npos);
}

/// Photos of two classes, 72 to train with: an epoch of six batches of four a rank.
struct Photos {
  Photos() : runs(config()) {
    for (int i = 0; i < 84; ++i) testing::write_picture(photo(i), i % 20, 16, 16);
  }

  fs::path photo(int i) const {
    return folder / fmt::format("set/{}/{}/{}.png", i < 72 ? "train" : "val", i % 2, i);
  }

  std::string config() const {
    return R"(
model: {image_size: 16, patch_size: 4, embed_dim: 8, depths: [1], num_heads: [1], window_size: 4}
data: {name: image_folder, batch_size: 12, workers: 2, root: )" +
           (folder / "set").string() + R"(}
train: {epochs: 2000, threads: 1, checkpoint_every: 1, tensorboard: false}
)";
  }

  /// Seeds with which the first rank, and another one, is the first to meet photo 20, after some
  /// updates.
  static std::string seed(bool of_first_rank) {
    return of_first_rank ? "train.seed=8" : "train.seed=3";
  }

  /// Trains until something fails.
  Outcome train(const std::vector<std::string>& settings) const {
    std::vector<std::string> arguments = {"train", runs.config(), "--out", runs / "run"};
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    const auto start = Clock::now();
    const Outcome outcome = test::Program(arguments, mpirun(3)).wait();
    CHECK(Clock::now() - start < std::chrono::seconds(30));
    return outcome;
  }

  test::ScratchFolder folder;
  Runs runs;
};

TEST_CASE("mpi: an image that one rank cannot read") {
  if (!test::has_ranks()) return;
  const Photos photos;
  const std::string whole = test::read_text(photos.photo(20));
  test::write_text(photos.photo(20), whole.substr(0, 40));
  bool first = false;
  SUBCASE("the first") { first = true; }
  SUBCASE("another") {}
  const Outcome outcome = photos.train({Photos::seed(first)});
  check_failed(photos.runs, outcome, "20.png: truncated PNG");
  CHECK((count(outcome.err, "tessera: rank ") == 0) == first);
  test::write_text(photos.photo(20), whole);
  check_goes_on(photos.runs);
}

TEST_CASE("mpi: a loss that is not finite on one rank") {
  if (!test::has_ranks()) return;
  const Photos photos;
  // Divided by as little as this, black stays 0 and anything else becomes infinite.
  for (int i = 0; i < 84; ++i) {
    const auto level = static_cast<std::uint8_t>(i == 20 ? 255 : 0);
    write_png(photos.photo(i), {{16, 16, 3}, std::vector<std::uint8_t>(16 * 16 * 3, level)});
  }
  bool first = false;
  SUBCASE("the first") { first = true; }
  SUBCASE("another") {}
  const Outcome outcome = photos.train(
      {Photos::seed(first), "data.normalize={mean: [0, 0, 0], std: [1.0e-39, 1.0e-39, 1.0e-39]}"});
  check_failed(photos.runs, outcome, "the loss is not finite: on rank ");
  CHECK((count(outcome.err, "not finite: on rank 0") == 1) == first);
  CHECK(count(outcome.err, "the batch of images has inf") == 1);
  write_png(photos.photo(20), {{16, 16, 3}, std::vector<std::uint8_t>(16 * 16 * 3, 0)});
  check_goes_on(photos.runs);
}

/// From now on nothing that it writes may be longer, as on a disk that is full.
void limit_files(pid_t process, rlim_t bytes) {
  const struct rlimit limit { bytes, bytes };
  REQUIRE(::prlimit(process, RLIMIT_FSIZE, &limit, nullptr) == 0);
}

/// Writing more than is allowed fails, and does not end the process; also of those that it starts.
struct NoFileSignal {
  NoFileSignal() { std::signal(SIGXFSZ, SIG_IGN); }
  ~NoFileSignal() { std::signal(SIGXFSZ, SIG_DFL); }
};

TEST_CASE("mpi: a disk that is full for the first rank") {
  if (!test::has_ranks()) return;
  const NoFileSignal ignored;
  const Runs runs(kShapes);
  Training training(runs);
  limit_files(training.rank(0), 2048);
  const Outcome outcome = training.wait();
  // Of a checkpoint or of metrics.jsonl, whichever it writes next.
  check_failed(runs, outcome, ": File too large");
  check_goes_on(runs);
}

TEST_CASE(
    "mpi: a disk that is full where another rank keeps decoded images: said, no reason to end") {
  if (!test::has_ranks()) return;
  const NoFileSignal ignored;
  const Photos photos;
  // None like another, so that there is still something to keep when the disk is full.
  for (int i = 84; i < 700; ++i) {
    const fs::path path = photos.folder / fmt::format("set/train/{}/{}.png", i % 2, i);
    testing::write_picture(path, i, 16, 16 + i / 26);
  }
  Training training(photos.runs, {"data.cache=disk", "data.workers=0",
                                  "data.cache_folder=" + (photos.folder / "cache").string()});
  limit_files(training.rank(1), 16);
  wait_for([&] { return count(training.log(), "File too large") > 0; });
  ::kill(training.rank(1), SIGTERM);
  const Outcome outcome = training.wait();
  CHECK(outcome.code == 128 + SIGTERM);
  CHECK(count(outcome.err, "rank 1: ") == 1);
  CHECK(count(outcome.err, "File too large") == 1);
  check_goes_on(photos.runs);
}

}  // namespace
}  // namespace tessera

#endif
