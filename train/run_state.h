// Whether somebody works on a run, and how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/posix.h"
#include "train/observer.h"
#include "train/run_folder.h"

namespace tessera {

enum class RunState : std::uint8_t { kNew, kRunning, kFinished, kStopped, kFailed };

/// `new`, `running`, `finished`, `stopped`, `failed`
std::string_view to_string(RunState state);

/// `status.json`, and whether a process holds the run.
struct StatusRecord {
  RunState state = RunState::kNew;
  std::string reason;               ///< of a run that stopped or failed
  std::int64_t total_steps = 0;     ///< updates of the whole run; 0 if it is not known
  int ranks = 1;                    ///< processes that work on it, or did
  std::optional<bool> has_saved{};  ///< a checkpoint was written; version 0.1 did not say
};

/// `running`, and of several ranks `running (4 ranks)`.
std::string state_text(const StatusRecord& status);

/// Reads it. A run that nobody holds any more and that left no word has failed; one of an earlier
/// version, which left none ever, is `kNew` without metrics and `kStopped` with some.
StatusRecord read_status(const RunFolder& folder);

/// A process works on the run.
bool is_held(const RunFolder& folder);

/// While it lives, this process works on the run and no other can.
class RunSession {
 public:
  /// Removes what killed processes were writing. Throws ConfigError if another process works on the
  /// run, CheckpointError if the folder cannot be written.
  explicit RunSession(const RunFolder& folder);
  RunSession(const RunSession&) = delete;
  RunSession& operator=(const RunSession&) = delete;

  /// Says that the run is on its way, on so many ranks.
  void start(std::int64_t total_steps, int ranks = 1);

  /// Says that there is a checkpoint by now.
  void saved();

  /// Whether the folder is still the one that this process began to work in.
  bool owns_folder() const;

  /// Throws CheckpointError if it does not.
  void check() const;

  /// Says how it ended. Throws CheckpointError.
  void end(RunState state, const std::string& reason);

  /// The run begins anew: it has no checkpoint.
  void forget() { has_saved_ = false; }

  /// Says why it failed, if it was on its way and that can be written.
  void fail(const std::string& reason) noexcept;

 private:
  void write(RunState state, const std::string& reason) const;

  RunFolder folder_;
  Descriptor log_;  ///< holds the lock
  std::int64_t total_steps_ = 0;
  int ranks_ = 1;
  std::optional<bool> has_saved_;
  bool has_started_ = false;
};

/// Keeps the state of the run in step with its checkpoints.
class SessionObserver final : public TrainingObserver {
 public:
  explicit SessionObserver(RunSession& session) : session_(session) {}
  void sync() override { session_.check(); }
  void on_evaluation(const EvaluationRecord&, const TimingRecord&, bool) override {
    session_.check();  // what observers write by name must not go to another folder of that name
  }
  void on_checkpoint(std::int64_t) override { session_.saved(); }

 private:
  RunSession& session_;
};

}  // namespace tessera
