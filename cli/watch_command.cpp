#include <fmt/core.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "train/signals.h"

namespace tessera {
namespace {

constexpr int kRefresh = 500;  // milliseconds

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
    return dashboard(record_, status_, size, wants_color());
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
      "goes\n"
      "on. Elsewhere they are printed once. NO_COLOR=1 draws without colours.");
  return [path] { return run(*path); };
}

}  // namespace tessera
