#include "study/child_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "train/signals.h"

namespace tessera {
namespace {

/// The reading end of a pipe and what came out of it.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail<Error>("pipe: {}", std::strerror(errno));
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  bool is_open() const { return ends_[0] >= 0; }
  void close_writer() { close_end(1); }

  /// What has come; nothing and closed at the end.
  std::string_view read() {
    const ssize_t got = ::read(ends_[0], buffer_.data(), buffer_.size());
    if (got > 0) return {buffer_.data(), static_cast<std::size_t>(got)};
    if (got == 0 || errno != EINTR) close_end(0);
    return {};
  }

 private:
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
  std::array<char, 4096> buffer_{};
};

/// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, pid_t parent, const Pipe& out, const Pipe& err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A group of its own: Ctrl-C at the terminal reaches the study alone, which hands it on once.
  ::setpgid(0, 0);
  // A request for a checkpoint ends no process that has not asked for such: one that trains does.
  sigset_t requests;
  ::sigemptyset(&requests);
  ::sigaddset(&requests, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &requests, nullptr);
  if (::getppid() == parent && ::dup2(out.writer(), STDOUT_FILENO) >= 0 &&
      ::dup2(err.writer(), STDERR_FILENO) >= 0) {
    ::execv("/proc/self/exe", argv);
  }
  ::_exit(127);
}

void hand_on_signals(pid_t child, int& sent) {
  if (const int stop = SignalGuard::stop_signal(); stop != sent) {
    ::kill(child, stop);
    sent = stop;
  }
  if (SignalGuard::take_checkpoint_request()) ::kill(child, SIGUSR1);
}

/// Cuts `text` into lines and leaves an unfinished one in it.
void take_lines(std::string& text, std::string& last,
                const std::function<void(std::string_view)>& on_line) {
  for (std::size_t end; (end = text.find('\n')) != std::string::npos;) {
    last = text.substr(0, end);
    if (on_line) on_line(last);
    text.erase(0, end + 1);
  }
}

}  // namespace

std::string ChildResult::reason() const {
  constexpr std::string_view kPrefix = "tessera: ";
  if (signal == SIGKILL) return "killed; was memory short? lower data.batch_size";
  if (signal != 0) return fmt::format("ended by signal {}", signal);
  if (error.empty()) return fmt::format("exit code {}", code);
  return error.starts_with(kPrefix) ? error.substr(kPrefix.size()) : error;
}

ChildResult run_child(const std::vector<std::string>& arguments,
                      const std::function<void(std::string_view)>& on_line) {
  constexpr int kPollMilliseconds = 100;
  std::vector<std::string> words{"tessera"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  Pipe out;
  Pipe err;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    fail<Error>(
        "a process for the run cannot be started ({}): end other programs, or raise the limit of "
        "processes (ulimit -u)",
        std::strerror(errno));
  }
  if (child == 0) become(argv.data(), parent, out, err);
  out.close_writer();
  err.close_writer();

  ChildResult result;
  std::string pending;
  int sent = 0;
  while (out.is_open() || err.is_open()) {
    hand_on_signals(child, sent);
    std::array<pollfd, 2> ends{{{out.reader(), POLLIN, 0}, {err.reader(), POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), kPollMilliseconds) <= 0) continue;
    if (ends[0].revents != 0) result.out += out.read();
    if (ends[1].revents == 0) continue;
    pending += err.read();
    take_lines(pending, result.error, on_line);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace tessera
