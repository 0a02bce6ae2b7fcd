// What TensorBoard shows of a run: curves, images, histograms and the configuration.
#pragma once

#include <filesystem>

#include "formats/tensorboard/event_file.h"
#include "train/metrics_file.h"

namespace tessera::tensorboard {

class RunEvents {
 public:
  /// For the updates of a run after `step`. Writes the configuration as the text `config`. Throws
  /// CheckpointError.
  RunEvents(const std::filesystem::path& folder, const Config& config, std::int64_t step);

  /// Scalars `loss/train`, `top1/train`, `lr`, `grad_norm`.
  void add(const UpdateRecord& record);

  /// Scalars `loss/test`, `top1/test`, `top5/test`.
  void add(const EvaluationRecord& record);

  /// Scalars under `speed/`.
  void add(const TimingRecord& record);

  /// The first images of a batch as the model sees them: `images/batch`.
  void add_batch(std::int64_t step, const Batch& batch);

  /// Histograms under `weights/` and, of the last update if there was one in this process, under
  /// `gradients/`, one a group of parameters; and the filters of the patch embedding,
  /// `images/filters`. Gradients are the mean over the batches of an update, before clipping; they
  /// are overwritten.
  void add_model(std::int64_t step, Model& model);

  /// Makes what was added survive a crash. Throws CheckpointError if the disk is full.
  void sync() { file_.sync(); }

 private:
  Config config_;
  EventFile file_;
};

}  // namespace tessera::tensorboard
