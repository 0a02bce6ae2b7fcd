// What TensorBoard shows of a run: curves, images, histograms and the configuration.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "formats/tensorboard/event_file.h"
#include "report/named_images.h"
#include "report/plot/picture.h"
#include "tasks/task.h"
#include "train/observer.h"
#include "train/train_config.h"

namespace tessera::tensorboard {

class RunEvents final : public TrainingObserver {
 public:
  /// For the updates of a run after `step`. Writes the configuration as the text `config`, and the
  /// keys that are not as they are if not given for the tab HPARAMS. The data sets, which say what
  /// images are called, outlive it. Throws CheckpointError.
  RunEvents(const std::filesystem::path& folder, const Config& config, std::int64_t step,
            const Dataset& training, const Dataset& val);

  /// Scalars `train/loss`, `train/top1`, ..., `optim/lr`, `optim/grad_norm`; at the first update
  /// also the first images as the model sees them, `images/batch`, and as text which they are,
  /// `names/batch`.
  void on_update(const UpdateRecord& record, std::span<const Batch> batches, const Pace& pace,
                 std::int64_t total_steps) override;

  /// Keeps the first images, where the task draws on them; counts a classifier's answers.
  void on_evaluated(std::int64_t epoch, std::span<const Tensor> outputs, const Batch& batch,
                    std::int64_t total) override;

  /// Scalars `val/loss`, `val/top1`, ... and those under `speed/`; of a classifier
  /// `images/confusion`: a row for each true class, a column for each answer, by share; and the
  /// most certain wrong answers, `images/mistakes`, with the text `names/mistakes`. Masks, boxes
  /// and filled in pixels as `images/val`: what the task draws of the first images of validation,
  /// side by side, with `names/val`.
  void on_evaluation(const EvaluationRecord& record, const TimingRecord& timing,
                     bool is_best) override;

  /// Histograms under `weights/` and, of the last update if there was one in this process, under
  /// `gradients/`, one a group of parameters; and the filters of the patch embedding,
  /// `images/filters`. Gradients are the mean over the batches of an update, before clipping; they
  /// are overwritten.
  void on_model(std::int64_t step, Model& model) override;

  /// Throws CheckpointError if the disk is full.
  void sync() override { file_.sync(); }

 private:
  void add_batch(std::int64_t step, const Batch& batch);
  void count_answers(const Tensor& logits, const Batch& batch);
  void draw(std::span<const Tensor> outputs, const Batch& batch);
  report::Picture confusion() const;

  Config config_;
  const Dataset& training_;
  const Dataset& val_;
  std::unique_ptr<Task> task_;
  // Of the evaluation that goes on:
  std::vector<report::Picture> drawn_;
  std::size_t columns_ = 1;  ///< pictures of an image among them
  std::vector<std::vector<std::string>> drawn_names_;
  std::vector<float> confusion_;  ///< [K, K]: truth, answer
  WorstAnswers worst_;
  EventFile file_;
};

}  // namespace tessera::tensorboard
