#include "tasks/detection/meter.h"

#include "core/error.h"
#include "tasks/detection/detection.h"

namespace tessera {
namespace {

BoxXywh xywh(double x0, double y0, double x1, double y1) { return {x0, y0, x1 - x0, y1 - y0}; }

}  // namespace

CocoTruth coco_truth(const Box& box) {
  return {.box = xywh(double{box.x0}, double{box.y0}, double{box.x1}, double{box.y1}),
          .label = box.label,
          .area = double{box.area},
          .crowd = box.crowd};
}

CocoDetection coco_detection(const Detection& detection) {
  return {.box = xywh(double{detection.x0}, double{detection.y0}, double{detection.x1},
                      double{detection.y1}),
          .label = detection.label,
          .score = double{detection.score}};
}

void DetectionMeter::add(std::span<const Tensor> outputs, const Batch& batch) {
  if (batch.originals.size() != static_cast<std::size_t>(batch.size())) {
    fail<DataError>("[detection] a batch of {} images with {} original targets", batch.size(),
                    batch.originals.size());
  }
  Tape tape({.training = false});
  std::vector<Var> values;
  for (const Tensor& output : outputs) values.push_back(tape.constant(output));
  const DetectorLosses losses = detection_losses(tape, model_, values, batch);
  for (const Var& part : {losses.classes, losses.boxes, losses.centreness}) {
    if (part) loss_sum_.add(double{part.value.f32()[0]} * static_cast<double>(batch.size()));
  }
  samples_ += batch.size();
  detections_ = detections_of(model_, outputs, batch);
  for (std::size_t i = 0; i < detections_.size(); ++i) {
    std::vector<CocoTruth> truths;
    for (const Box& box : batch.originals[i].boxes) truths.push_back(coco_truth(box));
    std::vector<CocoDetection> found;
    for (const Detection& detection : detections_[i]) found.push_back(coco_detection(detection));
    coco_.add(batch.ids.empty() ? batch.samples[i] : batch.ids[i], truths, found);
    matches_.add(batch.originals[i].boxes, detections_[i]);
  }
}

void DetectionMeter::merge(const Meter& other) {
  const auto& counted = dynamic_cast<const DetectionMeter&>(other);
  coco_.merge(counted.coco_);
  matches_.merge(counted.matches_);
  loss_sum_.add(counted.loss_sum_);
  samples_ += counted.samples_;
}

void DetectionMeter::exchange(MeterState& state) {
  coco_.exchange(state);
  matches_.exchange(state);
  state(loss_sum_);
  state(samples_);
}

Metrics DetectionMeter::values() const {
  constexpr std::size_t kAp = 0, kAp50 = 1, kAp75 = 2, kAr100 = 8;  // of CocoScores::kNames
  Metrics metrics;
  metrics.set("loss", samples_ == 0 ? 0.0 : loss_sum_.value() / static_cast<double>(samples_));
  const CocoScores scores = coco_.scores();
  const auto set = [&](const char* name, std::size_t at) {
    metrics.set(name, std::max(0.0, scores.stats[at]));
  };
  set("ap", kAp);
  set("ap50", kAp50);
  set("ap75", kAp75);
  set("ar100", kAr100);
  return metrics;
}

}  // namespace tessera
