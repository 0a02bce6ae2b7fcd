// How good a detector is over a whole set.
#pragma once

#include "layers/model_config.h"
#include "tasks/detection/box_matches.h"
#include "tasks/detection/coco_metrics.h"
#include "tasks/detection/detections.h"
#include "tasks/task.h"

namespace tessera {

CocoTruth coco_truth(const Box& box);
CocoDetection coco_detection(const Detection& detection);

/// Boxes in pixels of the images as they are in the data set: a batch must bring its `originals`.
class DetectionMeter final : public Meter {
 public:
  explicit DetectionMeter(const ModelConfig& model)
      : model_(model), coco_(model.num_classes), matches_(model.num_classes) {}

  void add(std::span<const Tensor> outputs, const Batch& batch) override;
  void merge(const Meter& other) override;
  void exchange(MeterState& state) override;

  /// `loss`, the mean over batches by their images; `ap`, `ap50`, `ap75`, `ar100`: see CocoScores,
  /// 0 without any truths.
  Metrics values() const override;

  /// In the images of the batch that was added last.
  const std::vector<std::vector<Detection>>& detections() const { return detections_; }

  CocoScores scores() const { return coco_.scores(); }
  const BoxMatches& matches() const { return matches_; }
  std::int64_t samples() const { return samples_; }

 private:
  ModelConfig model_;
  CocoMetrics coco_;
  BoxMatches matches_;
  std::vector<std::vector<Detection>> detections_;
  ExactSum loss_sum_;
  std::int64_t samples_ = 0;
};

}  // namespace tessera
