// Code that runs in a child process under limits that would hurt the test's own.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace tessera::test {

struct ChildLimits {
  rlim_t file_bytes = RLIM_INFINITY;  ///< the largest file it may write
  bool unprivileged = false;          ///< root becomes nobody
};

/// Runs `action`, which returns a text, in a forked child and returns that text.
template <typename Action>
std::string error_in_child(const ChildLimits& limits, Action&& action) {
  int ends[2];
  if (::pipe(ends) != 0) return "pipe failed";
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{limits.file_bytes, limits.file_bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (limits.unprivileged && ::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
    const std::string text = action();
    const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "child failed: " + text;
}

}  // namespace tessera::test
