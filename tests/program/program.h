// The program as a user runs it.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera::test {

struct Outcome {
  int code = -1;  ///< 128 + signal if one ended it
  std::string out;
  std::string err;

  /// Exactly one line went to standard error.
  bool has_one_line() const {
    return std::count(err.begin(), err.end(), '\n') == 1 && err.back() == '\n';
  }
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A started program; its output goes to files in a folder of its own.
class Program {
 public:
  /// `launcher` is a command that starts it, as mpirun does.
  explicit Program(std::vector<std::string> arguments,
                   const std::vector<std::string>& launcher = {}) {
    arguments.insert(arguments.begin(), test::program());
    arguments.insert(arguments.begin(), launcher.begin(), launcher.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(::open((folder_ / "out").c_str(), O_CREAT | O_WRONLY, 0600), STDOUT_FILENO);
      ::dup2(::open((folder_ / "err").c_str(), O_CREAT | O_WRONLY, 0600), STDERR_FILENO);
      // Whoever runs the tests may ignore signals, as nohup does, and children inherit that.
      for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_DFL);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
  }

  pid_t id() const { return child_; }
  void send(int signal) const { ::kill(child_, signal); }

  Outcome wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            read_text(folder_ / "out"), read_text(folder_ / "err")};
  }

 private:
  ScratchFolder folder_;
  pid_t child_ = -1;
};

inline Outcome tessera(std::vector<std::string> arguments) {
  return Program(std::move(arguments)).wait();
}

/// A run of seconds on synthetic images.
inline constexpr const char* kTinyConfig = R"(
model:
  patch_size: 4
  embed_dim: 16
  depths: [1, 1]
  num_heads: [2, 4]
  window_size: 4
  drop_path: 0.1
data:
  name: synthetic
  batch_size: 16
  train_samples: 320
  test_samples: 64
  augment: {crop_padding: 2, flip: true, erase: 0.25}
optim: {lr: 2.0e-3, clip_norm: 1.0, ema: 0.9, schedule: {name: cosine, warmup_epochs: 1}}
train: {epochs: 4, label_smoothing: 0.1, seed: 3, checkpoint_every: 7}
)";

}  // namespace tessera::test
