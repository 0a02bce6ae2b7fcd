// A training as its log and the terminal show it.
#pragma once

#include "train/log.h"
#include "train/observer.h"
#include "train/train_config.h"

namespace tessera {

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
  std::int64_t images_;  ///< of an update
  std::string main_;     ///< the metric that is shown beside the loss
  double last_report_;
};

}  // namespace tessera
