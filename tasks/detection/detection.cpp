#include "tasks/detection/detection.h"

#include "data/preview.h"
#include "tasks/detection/meter.h"
#include "tasks/detection/pictures.h"

namespace tessera {
namespace {

/// Works the losses of a batch out once more: little beside the model. Of several processes each
/// divides by the boxes that it has.
class TrainingMeter final : public Meter {
 public:
  explicit TrainingMeter(const ModelConfig& model) : model_(model) {}

  void add(std::span<const Tensor> outputs, const Batch& batch) override {
    Tape tape({.training = false});
    std::vector<Var> values;
    for (const Tensor& output : outputs) values.push_back(tape.constant(output));
    const DetectorLosses losses = detection_losses(tape, model_, values, batch);
    const double share = static_cast<double>(batch.size());
    classes_ += share * double{losses.classes.value.f32()[0]};
    boxes_ += share * double{losses.boxes.value.f32()[0]};
    if (losses.centreness) centreness_ += share * double{losses.centreness.value.f32()[0]};
    images_ += batch.size();
  }

  void merge(const Meter& other) override {
    const auto& counted = dynamic_cast<const TrainingMeter&>(other);
    classes_ += counted.classes_;
    boxes_ += counted.boxes_;
    centreness_ += counted.centreness_;
    images_ += counted.images_;
  }

  void exchange(MeterState& state) override {
    state(classes_);
    state(boxes_);
    state(centreness_);
    state(images_);
  }

  Metrics values() const override {
    const double share = images_ == 0 ? 0.0 : 1.0 / static_cast<double>(images_);
    Metrics metrics;
    metrics.set("loss_class", classes_ * share);
    metrics.set("loss_box", boxes_ * share);
    if (model_.head.type == HeadType::kFcos) metrics.set("loss_centre", centreness_ * share);
    return metrics;
  }

 private:
  ModelConfig model_;
  double classes_ = 0.0;
  double boxes_ = 0.0;
  double centreness_ = 0.0;
  std::int64_t images_ = 0;
};

}  // namespace

DetectorLosses detection_losses(Tape& tape, const ModelConfig& model, std::span<const Var> outputs,
                                const Batch& batch) {
  return detector_losses(tape, model, outputs, {batch.images.dim(1), batch.images.dim(2)},
                         batch.boxes);
}

void DetectionTask::draw_targets(Batch& batch, Rng& rng) const {
  constexpr int kBoxes = 12;
  const auto height = static_cast<float>(batch.images.dim(1));
  const auto width = static_cast<float>(batch.images.dim(2));
  batch.boxes.assign(static_cast<std::size_t>(batch.size()), {});
  for (std::vector<Box>& boxes : batch.boxes) {
    for (int i = 0; i < kBoxes; ++i) {
      const float side = rng.uniform(0.05f, 0.5f);
      const float y = rng.uniform(0.0f, 1.0f - side) * height;
      const float x = rng.uniform(0.0f, 1.0f - side) * width;
      const auto label = rng.below(static_cast<std::uint32_t>(model_.num_classes));
      boxes.push_back({.x0 = x,
                       .y0 = y,
                       .x1 = x + side * width,
                       .y1 = y + side * height,
                       .label = static_cast<std::int32_t>(label)});
    }
  }
}

Var DetectionTask::loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const {
  return detection_losses(tape, model_, outputs, batch).sum(tape);
}

std::vector<Image> DetectionTask::draw(const Image& photo, std::span<const Tensor> outputs,
                                       const Batch& batch, std::int64_t i,
                                       const Normalization& /*normalization*/) const {
  constexpr float kLeast = 0.3f;
  const Size2 image{batch.images.dim(1), batch.images.dim(2)};
  std::vector<Detection> found =
      detections_of(model_, outputs, i, image, {photo.shape.height, photo.shape.width});
  std::erase_if(found, [](const Detection& one) { return one.score < kLeast; });
  return {with_target(photo, batch, i), with_detections(photo, found, {})};
}

std::unique_ptr<Meter> DetectionTask::training_meter() const {
  return std::make_unique<TrainingMeter>(model_);
}

std::unique_ptr<Meter> DetectionTask::evaluation_meter() const {
  return std::make_unique<DetectionMeter>(model_);
}

}  // namespace tessera
