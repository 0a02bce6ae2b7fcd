// The training loop: epochs, learning rate, evaluation, checkpoints, and what happens on a signal.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/learner.h"
#include "train/metrics_file.h"
#include "train/observer.h"
#include "train/resume.h"
#include "train/training_plan.h"

namespace tessera {

struct TrainSummary {
  std::int64_t step = 0;
  std::optional<EvaluationRecord> best;  ///< of the best checkpoint
  std::optional<EvaluationRecord> last;
  bool ended_early = false;    ///< by `train.patience`
  double train_seconds = 0.0;  ///< of this process, without evaluation
  int stop_signal = 0;         ///< that ended the run early, or 0
};

/// How training loads its images: shuffled and augmented from the seed alone, so that runs of one
/// seed see the same images in the same order, whatever their model.
LoaderOptions training_options(const Config& config, const Share& share = {});

class Trainer {
 public:
  /// Checkpoints go to the folder `checkpoints`. Of several ranks each makes one and runs it; rank
  /// 0 alone writes, and says where they begin: the others need neither start_from() nor restore().
  /// `teacher` is that of the configuration where the caller has it; else it is loaded.
  /// Throws ConfigError (see Learner, Loader, Teacher).
  Trainer(const Config& config, std::filesystem::path checkpoints, const Dataset& train,
          const Dataset& val, Communicator& ranks = one_process(),
          std::shared_ptr<const Teacher> teacher = nullptr);

  /// Starts from the weights of a model of the same configuration.
  void start_from(const ParameterStore& weights) { learner_.start_from(weights); }

  /// Goes on from a checkpoint: the same bits as if the run had never stopped. Throws
  /// CheckpointError if it is one of another model. With updates of another size, or other data, it
  /// goes on at the same image of the epoch: see RunPosition.
  void restore(const LoadedCheckpoint& checkpoint, const TrainingHistory& history);

  /// Tells `observer`, which must outlive the trainer, of all that happens from now on.
  void observe(TrainingObserver& observer) { observers_.push_back(&observer); }

  /// Nothing is left to train.
  bool finished() const;

  /// Trains up to the last epoch, to the end of patience, or to the first signal.
  TrainSummary run();

  std::int64_t step() const { return position_.step; }
  std::int64_t total_steps() const { return position_.total; }
  const RunPosition& position() const { return position_; }

 private:
  bool out_of_patience() const;
  bool epoch_ends() const;
  bool train_epoch();
  void train_step(std::vector<Batch>& batches);
  bool finish_epoch();
  void begin_together();
  int listen();
  void gather_warnings();
  bool evaluate_epoch();
  void warn_of(Loader& loader);
  EvaluationRecord evaluation_record(const Metrics& metrics) const;
  void report_request();
  void save(bool is_best);
  void say(const std::string& message);

  Config config_;
  std::filesystem::path checkpoints_;
  Communicator& ranks_;
  Learner learner_;
  Loader train_loader_;
  Loader val_loader_;
  TrainingLength length_;
  std::int64_t samples_;  ///< of training
  bool is_dense_;         ///< images differ in size
  double peak_lr_;
  std::vector<TrainingObserver*> observers_;

  RunPosition position_;
  std::optional<EvaluationRecord> evaluation_;  ///< at this very step
  std::vector<UpdateRecord> epoch_updates_;
  BestEvaluation best_;
  Pace pace_;
  TrainSummary summary_;
  int warnings_ = 0;
  std::vector<std::string> untold_;  ///< warnings of a rank that has no log
  int stop_signal_ = 0;              ///< that some rank has got, as all know
  bool checkpoint_requested_ = false;
};

}  // namespace tessera
