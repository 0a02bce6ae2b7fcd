#include "tasks/classification/loss.h"

#include <cmath>

#include "core/ops/cross_entropy.h"

namespace tessera {

Tensor soft_targets(const Batch& batch, std::int64_t num_classes, float smoothing) {
  const std::int64_t count = batch.labels.dim(0);
  const Tensor targets =
      Tensor::full({count, num_classes}, smoothing / static_cast<float>(num_classes));
  for (std::int64_t i = 0; i < count; ++i) {
    float* row = targets.f32() + i * num_classes;
    row[batch.labels.data<std::int32_t>()[i]] += (1.0f - smoothing) * batch.own_share;
    if (!batch.other_labels) continue;
    row[batch.other_labels.data<std::int32_t>()[i]] +=
        (1.0f - smoothing) * (1.0f - batch.own_share);
  }
  return targets;
}

Var classification_loss(Tape& tape, const Var& logits, const Batch& batch, const LossConfig& config,
                        const Tensor& class_weights) {
  const auto smoothing = static_cast<float>(config.label_smoothing);
  const bool is_plain = config.name == LossName::kCrossEntropy && !class_weights;
  if (is_plain && !batch.other_labels) {
    return ops::cross_entropy(tape, logits, batch.labels, smoothing);
  }
  const Tensor targets = soft_targets(batch, logits.dim(1), smoothing);
  if (class_weights) {
    const auto classes = static_cast<std::size_t>(logits.dim(1));
    for (std::size_t i = 0; i < targets.span().size(); ++i) {
      targets.span()[i] *= class_weights.span()[i % classes];
    }
  }
  switch (config.name) {
    case LossName::kBinaryCrossEntropy:
      return ops::binary_cross_entropy(tape, logits, targets);
    case LossName::kFocal:
      return ops::focal_cross_entropy(tape, logits, targets,
                                      static_cast<float>(config.focal_gamma));
    case LossName::kCrossEntropy:
      break;
  }
  return ops::soft_cross_entropy(tape, logits, targets);
}

std::vector<float> effective_weights(const std::vector<std::int64_t>& images) {
  constexpr double kOverlap = 0.999;
  std::vector<double> weights;
  double all = 0.0, sum = 0.0;
  for (const std::int64_t count : images) {
    const auto n = static_cast<double>(count);
    weights.push_back(count == 0 ? 0.0 : (1.0 - kOverlap) / (1.0 - std::pow(kOverlap, n)));
    all += n;
    sum += weights.back() * n;
  }
  std::vector<float> result;
  for (const double weight : weights) {
    result.push_back(sum > 0.0 ? static_cast<float>(weight * all / sum) : 1.0f);
  }
  return result;
}

}  // namespace tessera
