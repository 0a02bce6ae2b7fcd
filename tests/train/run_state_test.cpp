#include "train/run_state.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "train/metrics_file.h"

namespace tessera {
namespace {

using test::ScratchFolder;

TEST_CASE("run state: new, running, and how it ended") {
  const ScratchFolder scratch;
  const RunFolder folder{scratch.path()};
  CHECK(read_status(folder).state == RunState::kNew);
  {
    RunSession session(folder);
    CHECK(read_status(folder).state == RunState::kRunning);
    session.start(120);
    const StatusRecord status = read_status(folder);
    CHECK(status.state == RunState::kRunning);
    CHECK(status.total_steps == 120);
    const std::string error = test::error_of<ConfigError>([&] { RunSession second(folder); });
    CHECK(error == scratch.path().string() + ": another tessera is at work on this run");
    CHECK(read_status(folder).state == RunState::kRunning);  // the attempt released nothing
    session.end(RunState::kStopped, "Interrupt");
  }
  StatusRecord status = read_status(folder);
  CHECK(status.state == RunState::kStopped);
  CHECK(status.reason == "Interrupt");
  CHECK(status.total_steps == 120);
  {
    RunSession session(folder);
    session.start(120);
  }
  status = read_status(folder);  // it left without a word
  CHECK(status.state == RunState::kFailed);
  CHECK(status.reason.find("killed") != std::string::npos);
  {
    RunSession session(folder);
    session.start(120);
    session.fail("no \"memory\" \xff left");
  }
  CHECK(read_status(folder).state == RunState::kFailed);
  CHECK(read_status(folder).reason.find("no \"memory\"") == 0);
  {
    RunSession session(folder);
    session.end(RunState::kFinished, "");
  }
  CHECK(read_status(folder).state == RunState::kFinished);
  CHECK(read_status(folder).reason.empty());
}

TEST_CASE("run state: of a folder without a status, or with a broken one") {
  const ScratchFolder scratch;
  const RunFolder folder{scratch.path()};
  for (const char* text : {"", "{", "[]", "{\"state\": 3}"}) {
    test::write_text(folder.status(), text);
    CHECK(read_status(folder).state == RunState::kNew);
  }
  test::write_text(folder.metrics(), "{\"step\":1}\n");
  CHECK(read_status(folder).state == RunState::kStopped);
}

UpdateRecord update(std::int64_t step) {
  UpdateRecord record{step, 1, 0.1, 1.0};
  record.metrics.set("train/loss", 2.0);
  record.metrics.set("train/top1", 0.5);
  return record;
}

TEST_CASE("metrics follower: what was added, torn lines later, a cut file anew") {
  const ScratchFolder scratch;
  const RunFolder folder{scratch.path()};
  MetricsFollower follower(folder.metrics());
  CHECK(!follower.poll());
  MetricsFile file(folder.metrics());
  file.append(update(1));
  file.append(update(2));
  EvaluationRecord evaluation{.step = 2, .epoch = 1};
  evaluation.metrics.set("val/top1", 0.75);
  file.append(evaluation);
  file.sync();
  CHECK(follower.poll());
  CHECK(follower.updates().size() == 2);
  REQUIRE(follower.evaluations().size() == 1);
  CHECK(follower.evaluations()[0].metrics.value("val/top1") == 0.75);
  CHECK(!follower.poll());

  const std::string before = test::read_text(folder.metrics());
  const std::string line = before.substr(0, before.find('\n') + 1);
  test::write_text(folder.metrics(), before + line.substr(0, 20));
  CHECK(!follower.poll());
  test::write_text(folder.metrics(), before + line);
  CHECK(follower.poll());
  CHECK(follower.updates().size() == 3);

  truncate_metrics(folder.metrics(), 1);
  CHECK(follower.poll());
  CHECK(follower.updates().size() == 1);
  CHECK(follower.evaluations().empty());
  std::filesystem::remove(folder.metrics());
  follower.poll();
  CHECK(follower.updates().empty());
}

}  // namespace
}  // namespace tessera
