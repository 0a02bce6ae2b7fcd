// One label an image.
#pragma once

#include "tasks/task.h"
#include "tasks/task_config.h"

namespace tessera {

/// The head puts out {logits [B, K]}.
class Classification final : public Task {
 public:
  Classification(const LossConfig& loss, const ClassWeighting& weighting, std::int64_t num_classes)
      : loss_(loss), num_classes_(num_classes) {
    if (!weighting.weights.empty()) class_weights_ = Tensor::from({num_classes}, weighting.weights);
  }

  void draw_targets(Batch& batch, Rng& rng) const override;
  std::optional<TargetKind> targets() const override { return TargetKind::kClass; }

  Var loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const override;

  /// `top1`: share of samples whose label has the largest logit; see count_correct for mixed ones.
  std::unique_ptr<Meter> training_meter() const override;

  /// A ClassificationMeter.
  std::unique_ptr<Meter> evaluation_meter() const override;

 private:
  LossConfig loss_;
  std::int64_t num_classes_;
  Tensor class_weights_;  ///< [K], or empty
};

}  // namespace tessera
