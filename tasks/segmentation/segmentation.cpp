#include "tasks/segmentation/segmentation.h"

#include <algorithm>
#include <cmath>

#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/resize.h"
#include "data/preview.h"
#include "data/target_picture.h"
#include "tasks/segmentation/meter.h"

namespace tessera {
namespace {

/// Counts pixels as cheaply as a training step can: at the centres of the logits' cells.
class TrainingMeter final : public Meter {
 public:
  void add(std::span<const Tensor> outputs, const Batch& batch) override {
    const PixelCount count = count_right_pixels(outputs.front(), batch.masks);
    right_ += count.right;
    pixels_ += count.counted;
  }

  void merge(const Meter& other) override {
    const auto& counted = dynamic_cast<const TrainingMeter&>(other);
    right_ += counted.right_;
    pixels_ += counted.pixels_;
  }

  void exchange(MeterState& state) override {
    state(right_);
    state(pixels_);
  }

  Metrics values() const override {
    Metrics metrics;
    metrics.set("aacc",
                pixels_ == 0 ? 0.0 : static_cast<double>(right_) / static_cast<double>(pixels_));
    return metrics;
  }

 private:
  std::int64_t right_ = 0;
  std::int64_t pixels_ = 0;
};

}  // namespace

Segmentation::Segmentation(const ClassWeighting& config, std::int64_t num_classes,
                           double auxiliary_weight)
    : num_classes_(num_classes), auxiliary_weight_(auxiliary_weight) {
  if (!config.weights.empty()) class_weights_ = Tensor::from({num_classes_}, config.weights);
}

void Segmentation::draw_targets(Batch& batch, Rng& rng) const {
  batch.masks =
      Tensor::empty({batch.size(), batch.images.dim(1), batch.images.dim(2)}, DType::kI32);
  for (std::int32_t& label : batch.masks.span<std::int32_t>()) {
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(num_classes_)));
  }
}

Var Segmentation::loss(Tape& tape, std::span<const Var> outputs, const Batch& batch) const {
  const ops::PixelLossConfig config{.ignored = kIgnored, .weights = class_weights_};
  const auto loss_of = [&](const Var& logits) {
    const Var enlarged = ops::resize(tape, logits, {batch.masks.dim(1), batch.masks.dim(2)});
    return ops::pixel_cross_entropy(tape, enlarged, batch.masks, config);
  };
  const Var loss = loss_of(outputs.front());
  if (outputs.size() == 1) return loss;
  return ops::add_scaled(tape, loss, loss_of(outputs[1]),
                         Tensor::full({1}, static_cast<float>(auxiliary_weight_)));
}

std::vector<Image> Segmentation::draw(const Image& photo, std::span<const Tensor> outputs,
                                      const Batch& batch, std::int64_t i,
                                      const Normalization& /*normalization*/) const {
  const Mask prediction =
      predicted_mask(outputs.front(), i, {batch.images.dim(1), batch.images.dim(2)});
  return {with_target(photo, batch, i), with_mask(photo, prediction)};
}

std::unique_ptr<Meter> Segmentation::training_meter() const {
  return std::make_unique<TrainingMeter>();
}

std::unique_ptr<Meter> Segmentation::evaluation_meter() const {
  return std::make_unique<SegmentationMeter>(num_classes_);
}

std::vector<float> balanced_weights(const std::vector<std::int64_t>& pixels) {
  constexpr double kMost = 10.0;
  double all = 0.0, classes = 0.0;
  for (const std::int64_t count : pixels) {
    all += static_cast<double>(count);
    classes += count > 0 ? 1.0 : 0.0;
  }
  std::vector<double> weights;
  double sum = 0.0;
  for (const std::int64_t count : pixels) {
    const auto n = static_cast<double>(count);
    weights.push_back(count == 0 ? 0.0 : std::min(kMost, all / (classes * n)));
    sum += weights.back() * n;
  }
  std::vector<float> result;
  for (const double weight : weights) {
    result.push_back(sum > 0.0 ? static_cast<float>(weight * all / sum) : 1.0f);
  }
  return result;
}

}  // namespace tessera
