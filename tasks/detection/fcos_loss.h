// The losses of an FCOS detector.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/tape.h"
#include "layers/model_config.h"
#include "tasks/detection/fcos_targets.h"

namespace tessera {

/// Each [1]; the loss is their sum.
struct FcosLosses {
  Var classes;     ///< focal loss over all places, arXiv:1708.02002
  Var boxes;       ///< generalised IoU, arXiv:1902.09630
  Var centreness;  ///< binary cross entropy
};

/// The sizes of the levels' maps in what a head puts out (see FcosOutput).
std::vector<Size2> fcos_maps(std::span<const Var> outputs);
std::vector<Size2> fcos_maps(std::span<const Tensor> outputs);

/// Of what the head puts out, each divided by the number of places that should find something, at
/// least 1; boxes as FcosBoxWeight says. Without such places those of boxes and centre-ness are 0.
FcosLosses fcos_losses(Tape& tape, const FcosConfig& config, std::span<const Var> outputs,
                       const FcosTargets& targets);

}  // namespace tessera
