#include "train/signals.h"

#include <csignal>

namespace tessera {
namespace {

volatile std::sig_atomic_t stop_request = 0;
volatile std::sig_atomic_t checkpoint_request = 0;

extern "C" void on_stop(int signal) {
  stop_request = signal;
  std::signal(signal, SIG_DFL);
}

extern "C" void on_checkpoint(int) { checkpoint_request = 1; }

void install(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

SignalGuard::SignalGuard() {
  stop_request = 0;
  checkpoint_request = 0;
  install(SIGINT, on_stop);
  install(SIGTERM, on_stop);
  install(SIGUSR1, on_checkpoint);
}

SignalGuard::~SignalGuard() {
  install(SIGINT, SIG_DFL);
  install(SIGTERM, SIG_DFL);
  install(SIGUSR1, SIG_DFL);
}

int SignalGuard::stop_signal() { return stop_request; }

bool SignalGuard::take_checkpoint_request() {
  const bool requested = checkpoint_request != 0;
  checkpoint_request = 0;
  return requested;
}

}  // namespace tessera
