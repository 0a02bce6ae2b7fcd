// Watching runs: the table of them, their curves in a terminal, the learning rate test.
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <utmp.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/program/program.h"
#include "tests/program/terminal.h"
#include "tests/support/paths.h"
#include "tests/support/xml_check.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::has;
using test::Outcome;
using test::Program;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

std::vector<std::string> training(const ScratchFolder& folder, const std::string& name,
                                  const std::string& set) {
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  return {"train", folder / "tiny.yaml", "--out", folder / ("runs/" + name), "--set", set};
}

/// Waits until the run has written metrics.
void wait_for_metrics(const fs::path& run) {
  std::error_code missing;
  while (!fs::exists(run / "metrics.jsonl", missing) || fs::file_size(run / "metrics.jsonl") == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// The program on a terminal of its own.
class OnTerminal {
 public:
  OnTerminal(std::vector<std::string> arguments, bool color) {
    arguments.insert(arguments.begin(), test::program());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const winsize size{.ws_row = 30, .ws_col = 90, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::openpty(&master_, &terminal_, nullptr, nullptr, &size) == 0);
    ::tcgetattr(terminal_, &before_);
    child_ = ::fork();
    if (child_ == 0) {
      ::login_tty(terminal_);
      ::setenv("TERM", "xterm", 1);
      color ? ::unsetenv("NO_COLOR") : ::setenv("NO_COLOR", "1", 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~OnTerminal() {
    ::close(master_);
    ::close(terminal_);
  }

  /// Reads until the output holds `part`.
  void wait_for(const std::string& part) {
    for (int tries = 0; !has(output_, part) && tries < 1000; ++tries) read_some();
    CHECK(has(output_, part));
  }

  void type(char key) const { CHECK(::write(master_, &key, 1) == 1); }

  /// Everything that was written, once it has ended.
  std::string finish(int expected_code) {
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) read_some();
    while (read_some()) {
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == expected_code);
    termios after{};
    ::tcgetattr(terminal_, &after);
    CHECK(after.c_lflag == before_.c_lflag);
    CHECK(after.c_cc[VSUSP] == before_.c_cc[VSUSP]);
    return output_;
  }

 private:
  /// False if there is nothing for a moment.
  bool read_some() {
    pollfd ready{.fd = master_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 30) <= 0) return false;
    char buffer[4096];
    const ssize_t got = ::read(master_, buffer, sizeof(buffer));
    if (got > 0) output_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  int master_ = -1, terminal_ = -1;
  pid_t child_ = -1;
  termios before_{};
  std::string output_;
};

constexpr const char* kSecondScreen = "\x1b[?1049h";
constexpr const char* kFirstScreen = "\x1b[?1049l";
constexpr const char* kShowCursor = "\x1b[?25h";

TEST_CASE("watch: prints once where there is no terminal") {
  const ScratchFolder folder;
  REQUIRE(test::tessera(training(folder, "a", "train.epochs=3")).code == 0);
  const Outcome outcome = test::tessera({"watch", folder / "runs/a"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK(!has(outcome.out, "\x1b"));
  CHECK(has(outcome.out, "a   finished   best top-1 "));
  CHECK(has(outcome.out, "epoch 3/3   update 60/60   "));
  for (const char* title : {"Loss ", "Top-1 ", "Learning rate "}) {
    CHECK(has(outcome.out, title));
  }
  CHECK(has(outcome.out, " images/s\n"));
  CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') == 24);
}

TEST_CASE("watch: how fast a run is stands there before it was evaluated") {
  const ScratchFolder folder;
  std::vector<std::string> arguments = training(folder, "a", "train.epochs=100000");
  arguments.insert(arguments.end(), {"--set", "train.eval_every=100000"});
  Program run(arguments);
  wait_for_metrics(folder / "runs/a");
  std::string shown;
  for (int tries = 0; !has(shown, " images/s") && tries < 100; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    shown = test::tessera({"watch", folder / "runs/a"}).out;
  }
  CHECK(has(shown, "/2000000   "));
  CHECK(has(shown, " images/s   "));
  CHECK(has(shown, " of training left\n"));
  run.send(SIGINT);
  CHECK(run.wait().code == 128 + SIGINT);
}

TEST_CASE("watch: follows a run on a terminal until it ends, and gives the terminal back" *
          doctest::skip(!test::has_terminals())) {
  const ScratchFolder folder;
  Program run(training(folder, "a", "train.epochs=60"));
  wait_for_metrics(folder / "runs/a");
  OnTerminal watch({"watch", folder / "runs/a"}, true);
  watch.wait_for(kSecondScreen);
  CHECK(run.wait().code == 0);
  const std::string output = watch.finish(0);
  CHECK(has(output, "running"));
  CHECK(has(output, kShowCursor));
  const std::size_t back = output.rfind(kFirstScreen);
  REQUIRE(back != std::string::npos);
  CHECK(has(output.substr(back), "finished"));
  CHECK(has(output.substr(back), "update 1200/1200"));
  CHECK(has(output, "\x1b[94m"));
}

TEST_CASE("watch: q and Ctrl-C leave it, the run goes on; NO_COLOR is heeded" *
          doctest::skip(!test::has_terminals())) {
  const ScratchFolder folder;
  Program run(training(folder, "a", "train.epochs=1000"));
  wait_for_metrics(folder / "runs/a");
  for (const char key : {'q', '\x03'}) {
    OnTerminal watch({"watch", folder / "runs/a"}, false);
    watch.wait_for("Loss");
    watch.type(key);
    const std::string output = watch.finish(0);
    CHECK(output.rfind(kFirstScreen) > output.rfind(kSecondScreen));
    CHECK(!has(output, "\x1b[9"));
    CHECK(!has(output, "\x1b[3"));
  }
  run.send(SIGINT);
  CHECK(run.wait().code == 128 + SIGINT);
  CHECK(has(test::tessera({"watch", folder / "runs/a"}).out, "a   stopped: Interrupt"));
}

TEST_CASE("watch: what is no run is one line") {
  const ScratchFolder folder;
  const Outcome outcome = test::tessera({"watch", folder / "none"});
  CHECK(outcome.code == 1);
  CHECK(outcome.has_one_line());
  CHECK(test::tessera({"watch"}).code == 2);
}

TEST_CASE("runs: states, results and the keys that differ") {
  const ScratchFolder folder;
  REQUIRE(test::tessera(training(folder, "a", "optim.lr=0.001")).code == 0);
  REQUIRE(test::tessera(training(folder, "deep/b", "optim.lr=0.004")).code == 0);
  const Outcome failed = test::tessera(training(folder, "c", "optim.lr=1.0e+30"));
  CHECK(failed.code == 1);
  {
    Program killed(training(folder, "d", "train.epochs=1000"));
    wait_for_metrics(folder / "runs/d");
    const Outcome second = test::tessera({"train", "--resume", folder / "runs/d"});
    CHECK(second.code == 2);
    CHECK(second.has_one_line());
    CHECK(has(second.err, "another tessera is at work on this run"));
    CHECK(has(test::tessera({"runs", folder / "runs"}).out, "running"));
    killed.send(SIGKILL);
    killed.wait();
  }
  const Outcome table = test::tessera({"runs", folder / "runs"});
  CHECK(table.code == 0);
  CHECK(table.out.starts_with("run     state"));
  const std::string title = table.out.substr(0, table.out.find('\n'));
  CHECK(title.ends_with("  lr  epochs"));
  CHECK(has(table.out, "d failed: killed"));

  const Outcome outcome = test::tessera({"runs", folder / "runs", "--json", "--sort", "best"});
  const nlohmann::json json = nlohmann::json::parse(outcome.out);
  REQUIRE(json.size() == 4);
  std::map<std::string, nlohmann::json> runs;
  for (const nlohmann::json& run : json) runs[run["run"]] = run;
  CHECK(runs["a"]["state"] == "finished");
  CHECK(runs["a"]["epoch"] == 4);
  CHECK(runs["a"]["differs"]["optim.lr"] == "0.001");
  CHECK(runs["deep/b"]["differs"]["optim.lr"] == "0.004");
  CHECK(!runs["a"]["differs"].contains("train.seed"));
  CHECK(!runs["a"]["differs"].contains("train.out"));
  CHECK(runs["c"]["state"] == "failed");
  CHECK(has(runs["c"]["reason"], "is not finite"));
  CHECK(json[0]["best"].get<double>() >= json[1]["best"].get<double>());
  const nlohmann::json eval =
      nlohmann::json::parse(test::tessera({"eval", folder / "runs/a", "--json"}).out);
  CHECK(runs["a"]["best"].get<double>() == doctest::Approx(eval["top1"].get<double>()));
}

TEST_CASE("runs: a configuration that cannot be read, no runs, no folder, no such order") {
  const ScratchFolder folder;
  fs::create_directories(folder / "runs/a");
  CHECK(has(test::tessera({"runs", folder / "runs"}).out, "no runs"));
  write_text(folder / "runs/a/config.yaml", "model: {depth: 3}\n");
  const Outcome broken = test::tessera({"runs", folder / "runs"});
  CHECK(broken.code == 0);
  CHECK(has(broken.out, "a: "));
  CHECK(has(broken.out, "unknown key model.depth"));
  const Outcome none = test::tessera({"runs", folder / "none"});
  CHECK(none.code == 1);
  CHECK(none.has_one_line());
  CHECK(test::tessera({"runs", folder / "runs", "--sort", "age"}).code == 2);
}

TEST_CASE("lr-find: a picture and a line that can be pasted") {
  const ScratchFolder folder;
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  // One batch, always the same, is soon known by heart.
  const std::vector<std::string> find = {
      "lr-find", folder / "tiny.yaml",      "--steps", "100",
      "--out",   folder / "lr.svg",         "--set",   "data.train_samples=16",
      "--set",   "train.label_smoothing=0", "--set",   "data.augment.erase=0",
      "--set",   "data.augment.flip=false", "--set",   "data.augment.crop_padding=0"};
  const Outcome outcome = test::tessera(find);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.empty());
  const std::string svg = read_text(folder / "lr.svg");
  CHECK(test::XmlCheck::problem(svg) == "");
  CHECK(has(svg, "suggestion"));
  const std::string line = outcome.out.substr(outcome.out.rfind("Suggestion: "));
  CHECK(line.starts_with("Suggestion: --set optim.lr="));
  const std::string set = line.substr(18, line.size() - 19);
  CHECK(test::tessera({"train", folder / "tiny.yaml", "--dry-run", "--set", set}).code == 0);
  CHECK(!fs::exists("runs"));
}

TEST_CASE("lr-find: where the loss does not fall, and rates that cannot be meant") {
  const ScratchFolder folder;
  write_text(folder / "tiny.yaml", test::kTinyConfig);
  std::vector<std::string> find = {"lr-find", folder / "tiny.yaml",
                                   "--steps", "12",
                                   "--out",   folder / "lr.svg",
                                   "--from",  "1e-9",
                                   "--to",    "1e-8"};
  const Outcome flat = test::tessera(find);
  CHECK(flat.code == 1);
  CHECK(flat.has_one_line());
  CHECK(has(flat.err, "raise --to"));
  find.back() = "1e-10";
  const Outcome wrong = test::tessera(find);
  CHECK(wrong.code == 2);
  CHECK(wrong.has_one_line());
}

}  // namespace
}  // namespace tessera
