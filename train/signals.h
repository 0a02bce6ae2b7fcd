// What SIGINT, SIGTERM and SIGUSR1 ask a run to do.
#pragma once

namespace tessera {

/// While it lives: the first SIGINT or SIGTERM asks the run to finish its step, checkpoint and
/// stop; the second, of either kind, ends the process at once. What arrives within 0.1 s of the
/// first belongs to it. SIGUSR1 asks for a checkpoint and a report now.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// The signal that asked to stop, or 0.
  static int stop_signal();

  /// True once after each SIGUSR1.
  static bool take_checkpoint_request();
};

}  // namespace tessera
