// What a run's folder says of the run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "study/study.h"
#include "train/metrics_file.h"

namespace tessera {

enum class RunStatus : std::uint8_t { kUnfinished, kDone, kFailed };

/// `unfinished`, `done`, `failed`
std::string_view to_string(RunStatus status);

/// What no two runs share.
struct RunTiming {
  double images_per_s = 0.0;   ///< in training, over all epochs
  double train_seconds = 0.0;  ///< of all updates at this speed
  double peak_memory_mb = 0.0;
};

/// Of which checkpoints the test split was read.
struct TestSteps {
  std::int64_t samples = 0;
  std::int64_t last = 0;
  std::int64_t best = 0;
};

struct RunResult {
  std::int64_t seed = 0;
  std::filesystem::path folder;  ///< seen from the study's folder; empty before the run starts
  RunStatus status = RunStatus::kUnfinished;
  std::string error;                     ///< of a failed run
  std::optional<EvaluationRecord> last;  ///< of a done run: its last validation, and see `test`
  std::optional<RunTiming> timing;       ///< of a done run
  /// By the name of the figure that counts them, `val/top1`: see read_right_answers. Empty or
  /// missing: not kept.
  std::map<std::string, std::string> right{};
  std::int64_t updates = 0;         ///< of a done run: fewer than planned if it ended early
  std::optional<TestSteps> test{};  ///< if its figures are in `last` too: see add_test_figures
  std::string test_error{};         ///< why they are not, if that was tried just now
};

/// Reads the run in `folder` of `updates` updates with `images` images each. A folder that is
/// missing is an unfinished run, one whose checkpoint is damaged a failed one.
RunResult read_run_result(const std::filesystem::path& folder, std::int64_t updates,
                          std::int64_t images);

}  // namespace tessera
