// What a run is asked to do by signals.
#include "train/signals.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTooSlow = 9, kIgnored = 8, kStopped = 7;

/// How a child ends that is asked to stop twice, `pause` between: its exit code, or 128 + signal.
int asked_twice(int first, int second, std::chrono::milliseconds pause) {
  const pid_t child = ::fork();
  if (child == 0) {
    const SignalGuard guard;
    const auto begin = Clock::now();
    std::raise(first);
    std::this_thread::sleep_for(pause);
    if (pause.count() == 0 && Clock::now() - begin > std::chrono::milliseconds(50)) {
      ::_exit(kTooSlow);
    }
    std::raise(second);
    ::_exit(SignalGuard::stop_signal() == first ? kStopped : kIgnored);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_CASE("signals: two at once, as timeout sends them, are one request to stop") {
  for (const int signal : {SIGINT, SIGTERM}) {
    int end = kTooSlow;
    while (end == kTooSlow) end = asked_twice(signal, signal, std::chrono::milliseconds(0));
    CHECK(end == kStopped);
  }
}

TEST_CASE("signals: a later one ends the process at once, whichever it is") {
  for (const int first : {SIGINT, SIGTERM}) {
    for (const int second : {SIGINT, SIGTERM}) {
      CHECK(asked_twice(first, second, std::chrono::milliseconds(150)) == 128 + second);
    }
  }
}

TEST_CASE("signals: SIGUSR1 asks for one checkpoint") {
  const SignalGuard guard;
  CHECK_FALSE(SignalGuard::take_checkpoint_request());
  std::raise(SIGUSR1);
  CHECK(SignalGuard::take_checkpoint_request());
  CHECK_FALSE(SignalGuard::take_checkpoint_request());
  CHECK(SignalGuard::stop_signal() == 0);
}

}  // namespace
}  // namespace tessera
