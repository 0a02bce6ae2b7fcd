// Who wants to know how a training goes on: files, logs, TensorBoard. The loop knows none of them.
#pragma once

#include <span>
#include <string_view>

#include "data/loader.h"
#include "layers/model.h"
#include "train/metrics_file.h"

namespace tessera {

/// What was trained since the last evaluation, or since the run began or was gone on with.
struct Pace {
  double seconds = 0.0;  ///< without evaluation
  std::int64_t images = 0;
  double waited = 0.0;  ///< seconds of them that the loader kept the model waiting

  double images_per_s() const { return static_cast<double>(images) / seconds; }
};

class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  /// After each update, of `batches`; `total_steps` of the whole run.
  virtual void on_update(const UpdateRecord&, std::span<const Batch> /*batches*/, const Pace&,
                         std::int64_t /*total_steps*/) {}

  /// After each batch of an evaluation, of `total`, with what the model puts out for it, f32.
  virtual void on_evaluated(std::int64_t /*epoch*/, std::span<const Tensor> /*outputs*/,
                            const Batch& /*batch*/, std::int64_t /*total*/) {}

  virtual void on_evaluation(const EvaluationRecord&, const TimingRecord&, bool /*is_best*/) {}

  /// After an evaluation, while the model holds the trained weights.
  virtual void on_model(std::int64_t /*step*/, Model&) {}

  /// A sentence for whoever reads the log.
  virtual void on_message(std::string_view) {}

  /// After a checkpoint was written.
  virtual void on_checkpoint(std::int64_t /*step*/) {}

  /// Makes all that was written survive a crash, before a checkpoint. Throws CheckpointError.
  virtual void sync() {}
};

/// `metrics.jsonl` and `timing.jsonl`.
class MetricsWriter final : public TrainingObserver {
 public:
  /// Opens both for appending. Throws CheckpointError.
  MetricsWriter(const std::filesystem::path& metrics, const std::filesystem::path& timing)
      : metrics_(metrics), timing_(timing) {}

  void on_update(const UpdateRecord& record, std::span<const Batch>, const Pace&,
                 std::int64_t) override {
    metrics_.append(record);
  }
  void on_evaluation(const EvaluationRecord& record, const TimingRecord& timing, bool) override {
    metrics_.append(record);
    timing_.append(timing);
  }
  void sync() override {
    metrics_.sync();
    timing_.sync();
  }

 private:
  MetricsFile metrics_;
  MetricsFile timing_;
};

}  // namespace tessera
