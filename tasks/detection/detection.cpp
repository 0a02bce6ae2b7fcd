#include "tasks/detection/detection.h"

#include "data/preview.h"
#include "tasks/detection/meter.h"
#include "tasks/detection/pictures.h"

namespace tessera {
namespace {

/// Works the losses of a batch out once more: little beside the model. It keeps what is to be
/// divided and the divisors apart, so that parts of a batch merge to what the whole has.
class TrainingMeter final : public Meter {
 public:
  explicit TrainingMeter(const ModelConfig& model) : model_(model) {}

  void add(std::span<const Tensor> outputs, const Batch& batch) override {
    Tape tape({.training = false});
    std::vector<Var> values;
    for (const Tensor& output : outputs) values.push_back(tape.constant(output));
    const DetectorLosses losses = detection_losses(tape, model_, values, batch);
    const auto undivided = [](const Var& loss, const Divisor& divisor) {
      return loss ? double{loss.value.f32()[0]} * divisor.value() : 0.0;
    };
    batches_.push_back({.classes = undivided(losses.classes, losses.divisor),
                        .boxes = undivided(losses.boxes, losses.by_boxes),
                        .centreness = undivided(losses.centreness, losses.divisor),
                        .divisor = losses.divisor,
                        .by_boxes = losses.by_boxes});
  }

  void merge(const Meter& other) override {
    const auto& counted = dynamic_cast<const TrainingMeter&>(other);
    if (batches_.empty()) batches_.resize(counted.batches_.size());
    for (std::size_t i = 0; i < counted.batches_.size(); ++i)
      batches_.at(i).add(counted.batches_[i]);
  }

  void exchange(MeterState& state) override { state(batches_); }

  /// Means over the batches.
  Metrics values() const override {
    double classes = 0.0, boxes = 0.0, centreness = 0.0;
    for (const Undivided& batch : batches_) {
      classes += batch.classes / batch.divisor.value();
      boxes += batch.boxes / batch.by_boxes.value();
      centreness += batch.centreness / batch.divisor.value();
    }
    const double share = 1.0 / static_cast<double>(std::max<std::size_t>(1, batches_.size()));
    Metrics metrics;
    metrics.set("loss_class", classes * share);
    metrics.set("loss_box", boxes * share);
    if (model_.head.type == HeadType::kFcos) metrics.set("loss_centre", centreness * share);
    return metrics;
  }

 private:
  /// The losses of one batch, or of a part of it.
  struct Undivided {
    double classes = 0.0, boxes = 0.0, centreness = 0.0;
    Divisor divisor, by_boxes;

    void add(const Undivided& part) {
      classes += part.classes;
      boxes += part.boxes;
      centreness += part.centreness;
      for (Divisor Undivided::*one : {&Undivided::divisor, &Undivided::by_boxes}) {
        (this->*one).here += (part.*one).here;
        (this->*one).least = (part.*one).least;
      }
    }
  };

  ModelConfig model_;
  std::vector<Undivided> batches_;
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
