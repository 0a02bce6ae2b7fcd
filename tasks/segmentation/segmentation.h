// A class for each pixel.
#pragma once

#include "tasks/task.h"
#include "tasks/task_config.h"

namespace tessera {

/// The head puts out {logits [B, h, w, K]} of any resolution, and in training those of an auxiliary
/// head behind them. Masks of a batch are i32 [B, H, W], kIgnored where nothing is known.
class Segmentation final : public Task {
 public:
  Segmentation(const ClassWeighting& config, std::int64_t num_classes, double auxiliary_weight);

  void draw_targets(Batch& batch, Rng& rng) const override;
  std::optional<TargetKind> targets() const override { return TargetKind::kMask; }

  /// Cross entropy of the logits enlarged to the masks, weighted by class, plus that of the
  /// auxiliary head times its weight. Throws as pixel_cross_entropy does.
  Var loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const override;

  std::vector<Image> draw(const Image& photo, std::span<const Tensor> outputs, const Batch& batch,
                          std::int64_t i, const Normalization& normalization) const override;

  /// `aacc`: share of right pixels at the resolution of the logits.
  std::unique_ptr<Meter> training_meter() const override;

  /// A SegmentationMeter.
  std::unique_ptr<Meter> evaluation_meter() const override;

 private:
  std::int64_t num_classes_;
  double auxiliary_weight_;
  Tensor class_weights_;  ///< [K], or empty
};

/// The weight of each class by its number of pixels: N / (K n), with N pixels in all and K classes
/// that occur, so that all of these count alike; 0 for a class without pixels. Limited to 10 and
/// scaled so that the mean over all pixels is 1.
std::vector<float> balanced_weights(const std::vector<std::int64_t>& pixels);

}  // namespace tessera
