#include "tasks/classification/loss.h"

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

Var classification_loss(Tape& tape, const Var& logits, const Batch& batch,
                        const LossConfig& config) {
  const auto smoothing = static_cast<float>(config.label_smoothing);
  if (config.name == LossName::kBinaryCrossEntropy) {
    return ops::binary_cross_entropy(tape, logits, soft_targets(batch, logits.dim(1), smoothing));
  }
  if (!batch.other_labels) return ops::cross_entropy(tape, logits, batch.labels, smoothing);
  return ops::soft_cross_entropy(tape, logits, soft_targets(batch, logits.dim(1), smoothing));
}

}  // namespace tessera
