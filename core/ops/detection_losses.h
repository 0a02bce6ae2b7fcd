// Losses of dense detectors. Each is a weighted sum over places divided by `divisor`, so that the
// levels of a pyramid add up and the number of positives is the caller's.
#pragma once

#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

struct FocalLossConfig {
  float alpha = 0.25f;  ///< weight of the class that is there, 1 - alpha of others; negative: all 1
  float gamma = 2.0f;
  Tensor weights{};  ///< f32, one for each class that targets name; empty: all 1
};

/// sum(a (1 - p)^gamma (-log p)) / divisor, where p is the probability that a logit's sigmoid gives
/// to the truth and a its alpha.  logits [..., K] f32 or bf16; targets i32 [...], the class or
/// negative for none, or f32 [..., K] of zeros and ones -> [1] f32. Of A anchors at a place logits
/// are [..., A K], anchor by anchor, and targets i32 [..., A]. Throws ShapeError, DataError for a
/// class that is not below K or a target that is neither 0 nor 1. arXiv:1708.02002.
Var sigmoid_focal_loss(Tape& tape, const Var& logits, const Tensor& targets, double divisor,
                       const FocalLossConfig& config = {});

enum class BoxLoss : std::uint8_t {
  kIou,   ///< 1 - I / U; arXiv:1608.01471 takes its logarithm
  kGiou,  ///< 1 - (I / U - (C - U) / C); arXiv:1902.09630
};

/// sum(weight loss(box, target)) / divisor over boxes given as distances left, top, right and
/// bottom from one place, where I is the intersection of the two, U their union, C the box around
/// both. boxes [..., 4] f32 or bf16, targets f32 [..., 4], weights f32 [...]; rows of weight 0 are
/// not looked at -> [1] f32. Throws ShapeError.
Var box_loss(Tape& tape, const Var& boxes, const Tensor& targets, const Tensor& weights,
             double divisor, BoxLoss kind = BoxLoss::kGiou);

/// sum(weight |x - target|) / divisor.  x [...] f32 or bf16, targets f32 of as many elements,
/// weights f32 [R], one for each of R equal runs of elements -> [1] f32. Throws ShapeError.
Var l1_loss(Tape& tape, const Var& x, const Tensor& targets, const Tensor& weights, double divisor);

/// sum(weight bce(logit, target)) / divisor with bce as in binary_cross_entropy: of FCOS's
/// centre-ness, for one (arXiv:1904.01355).  logits f32 or bf16, targets in 0..1 and weights f32 of
/// as many elements -> [1] f32. Throws ShapeError.
Var weighted_binary_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets,
                                  const Tensor& weights, double divisor);

}  // namespace tessera::ops
