// Boxes around things, each with a class.
#pragma once

#include "layers/model_config.h"
#include "tasks/detection/detector_loss.h"
#include "tasks/task.h"

namespace tessera {

/// The losses of what the head of `model` puts out against the boxes of a batch.
DetectorLosses detection_losses(Tape& tape, const ModelConfig& model, std::span<const Var> outputs,
                                const Batch& batch);

/// The head is fcos or retinanet (see FcosOutput, RetinaNetOutput); batches bring `boxes`, in
/// pixels of their images.
class DetectionTask final : public Task {
 public:
  explicit DetectionTask(const ModelConfig& model) : model_(model) {}

  std::optional<TargetKind> targets() const override { return TargetKind::kBoxes; }

  /// A dozen boxes of all sizes in each image.
  void draw_targets(Batch& batch, Rng& rng) const override;

  /// The sum of the losses.
  Var loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const override;

  /// Detections of a score of 0.3 and more.
  std::vector<Image> draw(const Image& photo, std::span<const Tensor> outputs, const Batch& batch,
                          std::int64_t i, const Normalization& normalization) const override;

  /// `loss_class`, `loss_box` and, of fcos, `loss_centre`, of which the loss is the sum.
  std::unique_ptr<Meter> training_meter() const override;

  /// A DetectionMeter.
  std::unique_ptr<Meter> evaluation_meter() const override;

 private:
  ModelConfig model_;
};

}  // namespace tessera
