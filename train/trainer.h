// The training loop: epochs, learning rate, evaluation, checkpoints, and what happens on a signal.
#pragma once

#include <optional>

#include "data/loader.h"
#include "report/run_events.h"
#include "train/best_evaluation.h"
#include "train/checkpoint.h"
#include "train/learner.h"
#include "train/log.h"
#include "train/metrics_file.h"
#include "train/run_folder.h"
#include "train/signals.h"

namespace tessera {

struct TrainSummary {
  std::int64_t step = 0;
  double best_top1 = 0.0;  ///< of the best checkpoint on the test split, 0..1
  double last_top1 = 0.0;
  bool ended_early = false;    ///< by `train.patience`
  double train_seconds = 0.0;  ///< of this process, without evaluation
  int stop_signal = 0;         ///< that ended the run early, or 0
};

/// How training loads its images: shuffled and augmented from the seed alone, so that runs of one
/// seed see the same images in the same order, whatever their model.
LoaderOptions training_options(const Config& config);

class Trainer {
 public:
  Trainer(const Config& config, const RunFolder& folder, const Dataset& train, const Dataset& test,
          Log& log);

  /// Starts from the weights of a model of the same configuration.
  void start_from(const ParameterStore& weights) { learner_.start_from(weights); }

  /// Goes on from a checkpoint: the same bits as if the run had never stopped. Throws
  /// CheckpointError if it is one of another model.
  void restore(const LoadedCheckpoint& checkpoint);

  /// Trains up to the last epoch, to the end of patience, or to the first signal.
  TrainSummary run();

  std::int64_t total_steps() const { return total_steps_; }

 private:
  /// Where the run stands: `batch` of `epoch` comes next.
  struct Position {
    std::int64_t step = 0;
    std::int64_t epoch = 0;
    std::int64_t batch = 0;
  };

  bool finished() const;
  bool out_of_patience() const;
  bool train_epoch();
  void train_step(std::vector<Batch>& batches);
  bool finish_epoch();
  void warn_of(Loader& loader);
  void show_progress(const UpdateResult& result, double lr);
  EvaluationRecord evaluation_record(const Metrics& metrics) const;
  void report_epoch(const EvaluationRecord& record, bool is_best);
  void save(bool is_best);

  SignalGuard signals_;  ///< first: a signal during the preparations is heeded after the first step
  Config config_;
  RunFolder folder_;
  Log& log_;
  Learner learner_;
  Loader train_loader_;
  Loader test_loader_;
  std::int64_t num_classes_;
  std::int64_t steps_per_epoch_;
  std::int64_t total_steps_;
  MetricsFile metrics_;
  MetricsFile timing_;
  std::optional<tensorboard::RunEvents> events_;  ///< once the run begins or goes on

  Position position_;
  std::optional<EvaluationRecord> evaluation_;  ///< at this very step
  std::vector<UpdateRecord> epoch_updates_;
  BestEvaluation best_;
  TrainSummary summary_;
  double peak_lr_;
  double epoch_seconds_ = 0.0;
  std::int64_t epoch_images_ = 0;
  double epoch_wait_start_ = 0.0;
  double last_report_ = 0.0;
  int warnings_ = 0;
};

}  // namespace tessera
