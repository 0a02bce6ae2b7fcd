// The loss of a classifier.
#pragma once

#include "core/tape.h"
#include "data/loader.h"
#include "tasks/task_config.h"

namespace tessera {

/// The mean loss `config.name` of `logits` [B, K] over a batch, with label smoothing; the labels of
/// mixed images are mixed as the images are. The binary loss takes the same targets, as timm's
/// does: smoothed and mixed, so that the classes of a mixed image are there in part. Throws as
/// ops::cross_entropy does.
Var classification_loss(Tape& tape, const Var& logits, const Batch& batch,
                        const LossConfig& config);

/// [B, K] f32: `own_share` for the label, the rest for the other label, both smoothed:
/// (1 - smoothing) q + smoothing / K. The labels are in [0, K).
Tensor soft_targets(const Batch& batch, std::int64_t num_classes, float smoothing);

}  // namespace tessera
