#include "train/signals.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace tessera {
namespace {

// Of one request: timeout(1) signals the process and then its group, the process again with it.
constexpr std::int64_t kEchoNanoseconds = 100'000'000;

volatile std::sig_atomic_t stop_request = 0;
volatile std::sig_atomic_t checkpoint_request = 0;
std::atomic<std::int64_t> first_stop = 0;  // nanoseconds; 0: none yet
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t nanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Calls only what POSIX allows in a signal handler.
extern "C" void on_stop(int signal) {
  const std::int64_t now = nanoseconds();
  std::int64_t first = 0;
  if (first_stop.compare_exchange_strong(first, now)) {
    stop_request = signal;
  } else if (now - first > kEchoNanoseconds) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

extern "C" void on_checkpoint(int) { checkpoint_request = 1; }

constexpr std::array<int, 3> kStops = {SIGINT, SIGTERM, SIGHUP};

void install(int signal, void (*handler)(int)) {
  struct sigaction before = {};
  if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) return;
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void block_report_requests(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(how, &set, nullptr);
}

}  // namespace

void hold_report_requests() { block_report_requests(SIG_BLOCK); }

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

SignalGuard::SignalGuard(Stops stops) {
  stop_request = 0;
  checkpoint_request = 0;
  first_stop = 0;
  install(SIGUSR1, on_checkpoint);
  block_report_requests(SIG_UNBLOCK);
  if (stops == Stops::kHeeded) heed_stops();
}

void SignalGuard::heed_stops() {
  for (const int signal : kStops) install(signal, on_stop);
}

SignalGuard::~SignalGuard() {
  for (const int signal : kStops) install(signal, SIG_DFL);
  install(SIGUSR1, SIG_DFL);
}

int SignalGuard::stop_signal() { return stop_request; }

bool SignalGuard::take_checkpoint_request() {
  const bool requested = checkpoint_request != 0;
  checkpoint_request = 0;
  return requested;
}

}  // namespace tessera
