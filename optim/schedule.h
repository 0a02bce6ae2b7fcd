// The learning rate of each step.
#pragma once

#include "optim/optim_config.h"

namespace tessera {

/// Learning rate of update `step` (from 0) of a run of `total_steps`. Warm-up is linear and reaches
/// the peak with its last step: lr (t + 1) / warm-up. Cosine (arXiv:1608.03983) and linear then
/// fall to `min_lr` at the end of the run; `step` multiplies by gamma at each milestone.
double learning_rate(const OptimConfig& config, std::int64_t step, std::int64_t total_steps,
                     std::int64_t steps_per_epoch);

}  // namespace tessera
