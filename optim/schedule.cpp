#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tessera {

double learning_rate(const OptimConfig& config, std::int64_t step, std::int64_t total_steps,
                     std::int64_t steps_per_epoch) {
  const ScheduleConfig& schedule = config.schedule;
  const std::int64_t warmup =
      std::min(total_steps, static_cast<std::int64_t>(std::llround(
                                schedule.warmup_epochs * static_cast<double>(steps_per_epoch))));
  if (step < warmup) return config.lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress =
      std::min(1.0, static_cast<double>(step - warmup) /
                        static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup)));
  switch (schedule.name) {
    case ScheduleName::kConstant:
      return config.lr;
    case ScheduleName::kCosine:
      return schedule.min_lr +
             0.5 * (config.lr - schedule.min_lr) * (1.0 + std::cos(std::numbers::pi * progress));
    case ScheduleName::kLinear:
      return config.lr + (schedule.min_lr - config.lr) * progress;
    case ScheduleName::kStep: {
      const double epoch = static_cast<double>(step) / static_cast<double>(steps_per_epoch);
      const auto passed = std::count_if(schedule.milestones.begin(), schedule.milestones.end(),
                                        [&](double milestone) { return epoch >= milestone; });
      return config.lr * std::pow(schedule.gamma, static_cast<double>(passed));
    }
  }
  return config.lr;
}

}  // namespace tessera
