#include "tasks/classification/classification.h"

#include "tasks/classification/loss.h"
#include "tasks/classification/meter.h"

namespace tessera {
namespace {

class Top1Meter final : public Meter {
 public:
  void add(std::span<const Tensor> outputs, const Batch& batch) override {
    correct_ += count_correct(outputs.front(), batch);
    samples_ += batch.labels.dim(0);
  }

  void merge(const Meter& other) override {
    const auto& counted = dynamic_cast<const Top1Meter&>(other);
    correct_ += counted.correct_;
    samples_ += counted.samples_;
  }

  void exchange(MeterState& state) override {
    state(correct_);
    state(samples_);
  }

  Metrics values() const override {
    Metrics metrics;
    metrics.set("top1", static_cast<double>(correct_) / static_cast<double>(samples_));
    return metrics;
  }

 private:
  std::int64_t correct_ = 0;
  std::int64_t samples_ = 0;
};

}  // namespace

void Classification::draw_targets(Batch& batch, Rng& rng) const {
  batch.labels = Tensor::empty({batch.size()}, DType::kI32);
  for (std::int32_t& label : batch.labels.span<std::int32_t>()) {
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(num_classes_)));
  }
}

Var Classification::loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const {
  return classification_loss(tape, outputs.front(), batch, loss_, class_weights_);
}

std::unique_ptr<Meter> Classification::training_meter() const {
  return std::make_unique<Top1Meter>();
}

std::unique_ptr<Meter> Classification::evaluation_meter() const {
  return std::make_unique<ClassificationMeter>(num_classes_);
}

}  // namespace tessera
