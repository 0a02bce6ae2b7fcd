// A training as its log and the terminal show it, and how far a long count has come.
#pragma once

#include <cstdint>
#include <string>

#include "train/log.h"
#include "train/observer.h"
#include "train/train_config.h"

namespace tessera {

inline constexpr double kReportSeconds = 30.0;  ///< between lines where there is no terminal
inline constexpr double kRedrawSeconds = 0.1;   ///< between redraws where there is one

/// A bar and the blank after it in at most `columns`; nothing where it would be too short to read.
std::string progress_bar(double share, int columns);

/// A status line with a bar on a terminal; elsewhere a plain line every 30 seconds.
class Progress {
 public:
  /// `what` is done `total` times.
  Progress(Log& log, std::string what, std::int64_t total);

  void update(std::int64_t done);

 private:
  Log& log_;
  std::string what_;
  std::int64_t total_;
  double start_;
  double last_ = 0.0;  ///< seconds from the start to the last line
};

class TrainingLog final : public TrainingObserver {
 public:
  TrainingLog(const Config& config, Log& log);

  void on_update(const UpdateRecord& record, std::span<const Batch> batches, const Pace& pace,
                 std::int64_t total_steps) override;
  void on_evaluated(std::int64_t epoch, std::span<const Tensor> outputs, const Batch& batch,
                    std::int64_t total) override;
  void on_evaluation(const EvaluationRecord& record, const TimingRecord& timing,
                     bool is_best) override;
  void on_message(std::string_view message) override { log_.info("{}", message); }

 private:
  Log& log_;
  std::int64_t epochs_;
  std::int64_t images_;             ///< of an update
  std::vector<std::string> shown_;  ///< metrics: the loss, the task's own, what best goes by
  double last_report_;
};

}  // namespace tessera
