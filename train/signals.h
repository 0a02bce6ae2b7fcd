// What SIGINT, SIGTERM, SIGHUP and SIGUSR1 ask a run to do.
#pragma once

#include <string>

namespace tessera {

/// `SIGTERM`
std::string signal_name(int signal);

/// Keeps a SIGUSR1 that comes before there is a SignalGuard, also across exec, for it.
void hold_report_requests();

/// While it lives: the first SIGINT, SIGTERM or SIGHUP asks the run to finish its step, checkpoint
/// and stop; the second, of any kind, ends the process at once. What arrives within 0.1 s of the
/// first belongs to it. SIGUSR1 asks for a checkpoint and a report now. A signal that the process
/// was started to ignore, as nohup has it of SIGHUP, stays ignored.
class SignalGuard {
 public:
  enum class Stops : bool { kAtOnce, kHeeded };

  /// With kAtOnce, as long as there is nothing to save yet, signals to stop end the process;
  /// SIGUSR1 is kept for later.
  explicit SignalGuard(Stops stops = Stops::kHeeded);

  /// From here on as kHeeded says.
  void heed_stops();

  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// The signal that asked to stop, or 0.
  static int stop_signal();

  /// True once after each SIGUSR1.
  static bool take_checkpoint_request();
};

}  // namespace tessera
