#include "study/run_result.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "train/answers_file.h"
#include "train/checkpoint.h"
#include "train/checkpoint_index.h"
#include "train/run_folder.h"

namespace tessera {
namespace {

/// The seconds of an epoch count from where it was resumed, so the time of all updates is worked
/// out from the speed.
std::optional<RunTiming> timing_of(const std::vector<TimingRecord>& records, double images) {
  double seconds = 0.0;
  double seen = 0.0;
  RunTiming timing;
  for (const TimingRecord& record : records) {
    seconds += record.seconds;
    seen += record.seconds * record.images_per_s;
    timing.peak_memory_mb = std::max(timing.peak_memory_mb, record.peak_memory_mb);
  }
  if (seconds <= 0.0 || seen <= 0.0) return std::nullopt;
  timing.images_per_s = seen / seconds;
  timing.train_seconds = images / timing.images_per_s;
  return timing;
}

}  // namespace

std::string_view to_string(RunStatus status) {
  switch (status) {
    case RunStatus::kDone:
      return "done";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kUnfinished:
      break;
  }
  return "unfinished";
}

RunResult read_run_result(const std::filesystem::path& folder, std::int64_t updates,
                          std::int64_t images) {
  RunResult result;
  std::optional<CheckpointMeta> meta;
  try {
    const auto index = read_index(RunFolder{folder}.checkpoints());
    if (index && !index->note.empty()) return result;  // started again, a run completes it
    meta = read_last_meta(folder);
  } catch (const CheckpointError& error) {
    result.status = RunStatus::kFailed;
    result.error = error.what();
    return result;
  }
  if (!meta || (meta->step < updates && !meta->ended) || !meta->metric) return result;
  const RunFolder run{folder};
  const std::vector<EvaluationRecord> tests = read_evaluations(run.metrics());
  if (tests.empty() || tests.back().step != meta->step) return result;
  result.status = RunStatus::kDone;
  result.last = tests.back();
  result.right["val/top1"] = read_right_answers(run.answers(), meta->step);
  result.updates = meta->step;
  result.timing = timing_of(read_timing(run.timing()),
                            static_cast<double>(meta->step) * static_cast<double>(images));
  return result;
}

}  // namespace tessera
