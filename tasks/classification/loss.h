// The loss of a classifier.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tape.h"
#include "data/loader.h"
#include "tasks/task_config.h"

namespace tessera {

/// The mean loss `config.name` of `logits` [B, K] over a batch, with label smoothing; the labels of
/// mixed images are mixed as the images are. The binary loss takes the same targets, as timm's
/// does: smoothed and mixed, so that the classes of a mixed image are there in part.
/// `class_weights` [K] f32, or empty: how much a class counts, in cross_entropy and focal; their
/// mean over the images of training is 1, and a batch's sum is divided by its images alone. Throws
/// as ops::cross_entropy does.
Var classification_loss(Tape& tape, const Var& logits, const Batch& batch, const LossConfig& config,
                        const Tensor& class_weights = {});

/// [B, K] f32: `own_share` for the label, the rest for the other label, both smoothed:
/// (1 - smoothing) q + smoothing / K. The labels are in [0, K).
Tensor soft_targets(const Batch& batch, std::int64_t num_classes, float smoothing);

/// The weight of each class by its number of images n: (1 - b) / (1 - b^n) with b = 0.999, scaled
/// so that the mean over all images is 1; 0 for a class without any. arXiv:1901.05555, section 3.
std::vector<float> effective_weights(const std::vector<std::int64_t>& images);

}  // namespace tessera
