// Whether somebody works on a run, and how it ended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "train/run_folder.h"

namespace tessera {

enum class RunState : std::uint8_t { kNew, kRunning, kFinished, kStopped, kFailed };

/// `new`, `running`, `finished`, `stopped`, `failed`
std::string_view to_string(RunState state);

/// `status.json`, and whether a process holds the run.
struct StatusRecord {
  RunState state = RunState::kNew;
  std::string reason;            ///< of a run that stopped or failed
  std::int64_t total_steps = 0;  ///< updates of the whole run; 0 if it is not known
};

/// Reads it. A run that nobody holds any more and that left no word has failed; one of an earlier
/// version, which left none ever, is `kNew` without metrics and `kStopped` with some.
StatusRecord read_status(const RunFolder& folder);

/// While it lives, this process works on the run and no other can.
class RunSession {
 public:
  /// Throws ConfigError if another process works on the run, CheckpointError if the folder cannot
  /// be written.
  explicit RunSession(const RunFolder& folder);
  ~RunSession();
  RunSession(const RunSession&) = delete;
  RunSession& operator=(const RunSession&) = delete;

  /// Says that the run is on its way.
  void start(std::int64_t total_steps);

  /// Says how it ended. Throws CheckpointError.
  void end(RunState state, const std::string& reason);

  /// Says why it failed, if that can be written.
  void fail(const std::string& reason) noexcept;

 private:
  void write(RunState state, const std::string& reason) const;

  RunFolder folder_;
  int lock_ = -1;
  std::int64_t total_steps_ = 0;
};

}  // namespace tessera
