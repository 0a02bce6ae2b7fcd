// The losses of detectors.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/tape.h"
#include "layers/model_config.h"
#include "tasks/detection/anchor_targets.h"
#include "tasks/detection/fcos_targets.h"

namespace tessera {

/// What a loss is divided by: of a batch in several parts by the sum over all of them.
struct Divisor {
  double here = 0.0;   ///< that a part adds to the sum
  double least = 0.0;  ///< that it is divided by at least

  double value() const { return std::max(least, here); }
};

/// Each [1]; the loss is their sum.
struct DetectorLosses {
  Var classes;         ///< focal loss over all places or anchors, arXiv:1708.02002
  Var boxes;           ///< fcos: generalised IoU, arXiv:1902.09630; retinanet: L1 of the offsets
  Var centreness{};    ///< fcos: binary cross entropy
  Divisor divisor{};   ///< of classes and centreness
  Divisor by_boxes{};  ///< of boxes

  Var sum(Tape& tape) const;
};

/// The sizes of the levels' maps in what a head puts out (see FcosOutput, RetinaNetOutput).
std::vector<Size2> detector_maps(const ModelConfig& model, std::span<const Var> outputs);
std::vector<Size2> detector_maps(const ModelConfig& model, std::span<const Tensor> outputs);

/// Of what the head puts out, each divided by the number of places that should find something, at
/// least 1; boxes as FcosBoxWeight says. Without such places those of boxes and centre-ness are 0.
DetectorLosses fcos_losses(Tape& tape, const DetectorConfig& config, std::span<const Var> outputs,
                           const FcosTargets& targets);

/// The mean over images of what each divides by the number of its anchors that should find
/// something, at least 1.
DetectorLosses retinanet_losses(Tape& tape, std::span<const Var> outputs,
                                const AnchorTargets& targets);

/// Of either head of `model` over images of size `image`, with their boxes.
DetectorLosses detector_losses(Tape& tape, const ModelConfig& model, std::span<const Var> outputs,
                               Size2 image, const std::vector<std::vector<Box>>& boxes);

}  // namespace tessera
