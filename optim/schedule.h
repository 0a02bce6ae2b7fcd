// The learning rate of each step.
#pragma once

#include "optim/optim_config.h"

namespace tessera {

/// Images of an update for which a scaled learning rate is given, as in arXiv:1706.02677 and timm.
inline constexpr double kLrBatch = 256.0;

/// The peak for updates of `images` images: lr, lr images / 256 (arXiv:1706.02677) or
/// lr sqrt(images / 256) (arXiv:1404.5997), as `config.lr_scaling` says.
double scaled_lr(const OptimConfig& config, std::int64_t images);

/// Learning rate of update `step` (from 0) of a run of `total_steps` whose peak is `peak`. Warm-up
/// is linear and reaches the peak with its last step: peak (t + 1) / warm-up; it ends with the run
/// at the latest. Cosine and linear then fall, from the peak in the next step to `min_lr` in the
/// last one; `step` multiplies by gamma at each milestone. With `cycles` the cosine falls so many
/// times, each time from the peak to `min_lr` (warm restarts, arXiv:1608.03983); cycles begin at
/// whole steps. What is a single step long has the peak.
double learning_rate(const ScheduleConfig& schedule, double peak, std::int64_t step,
                     std::int64_t total_steps, std::int64_t steps_per_epoch);

/// Updates of the warm-up, as configured: more than the run has, perhaps.
std::int64_t warmup_steps(const ScheduleConfig& schedule, std::int64_t steps_per_epoch);

}  // namespace tessera
