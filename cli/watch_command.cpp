#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "train/signals.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr int kRefresh = 500;  // milliseconds

/// Images a second from the start of the run, or from where it went on, to its last update; 0 if
/// that is too short to tell. Of a run that has not been evaluated yet: it tells that itself later.
double first_rate(const RunFolder& folder, const report::RunRecord& record) {
  constexpr std::chrono::duration<double> kLeast{1.0};
  std::error_code missing;
  const auto began = fs::last_write_time(folder.history(), missing);
  if (missing || record.history.empty()) return 0.0;
  const std::chrono::duration<double> time = fs::last_write_time(folder.metrics(), missing) - began;
  if (missing || time < kLeast) return 0.0;
  const std::int64_t updates = record.step() - record.history.back().step;
  const DataConfig& data = record.config.data;
  return static_cast<double>(updates * data.batch_size * data.accumulate) / time.count();
}

/// A run as it is now.
class Watched {
 public:
  explicit Watched(const std::string& path)
      : record_(report::read_run_record(path)), follower_(RunFolder{path}.metrics()) {
    refresh();
  }

  void refresh() {
    const RunFolder folder{record_.path};
    status_ = read_status(folder);  // before the metrics: they are complete when it has ended
    if (!follower_.poll()) return;
    record_.updates = follower_.updates();
    record_.evaluations = follower_.evaluations();
    record_.timing = read_timing(folder.timing());
  }

  bool is_running() const { return status_.state == RunState::kRunning; }
  bool has_failed() const { return status_.state == RunState::kFailed; }

  std::vector<std::string> lines(const report::TextSize& size) const {
    const double rate = record_.timing.empty() ? first_rate({record_.path}, record_) : 0.0;
    return dashboard(record_, status_, size, wants_color(), rate);
  }

 private:
  report::RunRecord record_;
  MetricsFollower follower_;
  StatusRecord status_;
};

/// Until the run ends, a key or a signal.
void follow(Watched& run) {
  const SignalGuard signals;
  const Screen screen;
  while (run.is_running() && SignalGuard::stop_signal() == 0) {
    screen.show(run.lines(screen_size()));
    const std::optional<char> key = screen.wait_key(kRefresh);
    if (key == 'q' || key == 'Q') break;
    run.refresh();
  }
}

int run(const std::string& path) {
  Watched watched(path);
  if (has_screen() && watched.is_running()) follow(watched);
  report::TextSize size = screen_size();
  if (has_screen()) --size.rows;  // the prompt comes below
  for (const std::string& line : watched.lines(size)) fmt::print("{}\n", line);
  return watched.has_failed() ? kExitFailed : kExitOk;
}

}  // namespace

Action add_watch_command(Arguments& arguments) {
  auto path = std::make_shared<std::string>();
  arguments.add_option("run", *path, "Folder of a run").required();
  arguments.footer(
      "On a terminal the curves follow the run until it ends; q or Ctrl-C leaves them, the run "
      "goes on. Elsewhere they are printed once. NO_COLOR=1 draws without colours.");
  return [path] { return run(*path); };
}

}  // namespace tessera
