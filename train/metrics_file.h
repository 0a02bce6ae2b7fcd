// `metrics.jsonl`: one JSON object a line, one line an update and one an evaluation. It holds no
// times, so that the same run gives the same bytes; those go to `timing.jsonl`. Files of version
// 0.1 are read too: see current_metric_name. Which evaluation is the best one is told here as well.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "tasks/metric.h"

namespace tessera {

/// One `{"step", "epoch", "lr", "grad_norm", "train/loss", "train/top1", ...}`; step counts updates
/// from 1.
struct UpdateRecord {
  std::int64_t step = 0;
  std::int64_t epoch = 0;  ///< from 1
  double lr = 0.0;
  double grad_norm = 0.0;  ///< before clipping
  Metrics metrics{};       ///< `train/loss` and what the task's training meter counts
};

/// One `{"step", "epoch", "train/loss", ..., "val/loss", "val/top1", ...}`.
struct EvaluationRecord {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  /// `train/...`: means over the updates of the epoch; `val/...`: of the whole validation split.
  Metrics metrics{};
};

/// One `{"step", "epoch", "seconds", "images_per_s", "data_wait_share", "peak_memory_mb"}` an
/// evaluation.
struct TimingRecord {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  double seconds = 0.0;  ///< of training since the evaluation before, or since it was resumed
  double images_per_s = 0.0;
  double data_wait_share = 0.0;  ///< of `seconds` that the loader kept the model waiting
  double peak_memory_mb = 0.0;   ///< of the process since training began or went on
};

class MetricsFile {
 public:
  /// Opens the file for appending. Throws CheckpointError.
  explicit MetricsFile(const std::filesystem::path& path) : file_(path) {}

  void append(const UpdateRecord& record);
  void append(const EvaluationRecord& record);
  void append(const TimingRecord& record);

  /// Makes what was appended survive a crash. Throws CheckpointError if the disk is full.
  void sync() { file_.sync(); }

 private:
  void write(const std::string& line);

  AppendFile file_;
  double flushed_ = 0.0;  ///< when readers last got everything
};

/// Reads a `metrics.jsonl` while it grows.
class MetricsFollower {
 public:
  explicit MetricsFollower(std::filesystem::path path) : path_(std::move(path)) {}

  /// Takes in the lines that were added since; true if there were any. A file that was cut, by a
  /// run that is resumed, is read anew; one that is missing is empty.
  bool poll();

  const std::vector<UpdateRecord>& updates() const { return updates_; }
  const std::vector<EvaluationRecord>& evaluations() const { return evaluations_; }

 private:
  std::filesystem::path path_;
  std::uint64_t file_ = 0;  ///< which file of this name it was
  std::streamoff read_ = 0;
  std::vector<UpdateRecord> updates_;
  std::vector<EvaluationRecord> evaluations_;
};

/// Cuts the file before the first line of a step after `step` and before a torn last line, so that
/// a resumed run writes them anew; without `evaluated` also before the evaluation after update
/// `step`. A missing file is left missing. Throws CheckpointError, the file being as it was, if it
/// cannot be read.
void truncate_metrics(const std::filesystem::path& path, std::int64_t step, bool evaluated = true);

/// The update lines, in order; with `epoch` only those of it. None if the file is missing. Like all
/// that read here, throws CheckpointError if it is there and cannot be read, and passes over lines
/// that are damaged.
std::vector<UpdateRecord> read_updates(const std::filesystem::path& path,
                                       std::optional<std::int64_t> epoch = {});

/// The evaluation lines, in order; none if there is no file.
std::vector<EvaluationRecord> read_evaluations(const std::filesystem::path& path);

/// All lines of a `timing.jsonl`, in order; none if there is no file.
std::vector<TimingRecord> read_timing(const std::filesystem::path& path);

class BestEvaluation {
 public:
  /// `best_by` names a figure of the validation: `top1`, `loss`.
  explicit BestEvaluation(const std::string& best_by) : best_by_("val/" + best_by) {}

  /// What is compared, as it was measured; NaN if the record has no such figure.
  double measure(const EvaluationRecord& record) const { return record.metrics.value(best_by_); }

  /// Takes in the next evaluation; true if it is better than all before: a larger share, a smaller
  /// loss. What is no number is worse than any.
  bool add(const EvaluationRecord& record);

  const std::optional<EvaluationRecord>& best() const { return best_; }

  /// Evaluations since the best one.
  std::int64_t waited() const { return waited_; }

 private:
  std::string best_by_;
  std::optional<EvaluationRecord> best_;
  std::int64_t waited_ = 0;
};

}  // namespace tessera
