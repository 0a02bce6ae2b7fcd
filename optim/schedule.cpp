#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tessera {
namespace {

/// How far into its cycle the run is, 0..1, at `progress` 0..1 of all cycles.
double progress_of_cycle(const ScheduleConfig& schedule, double progress) {
  constexpr double kRounding = 1e-9;  // so that a cycle begins with the step it should
  double whole = 0.0, length = 1.0;
  for (std::int64_t i = 0; i < schedule.cycles; ++i, length *= schedule.cycle_growth) {
    whole += length;
  }
  double place = progress * whole;
  length = 1.0;
  for (std::int64_t i = 1; i < schedule.cycles; ++i, length *= schedule.cycle_growth) {
    if (place < length * (1.0 - kRounding)) break;
    place = std::max(0.0, place - length);
  }
  return std::min(1.0, place / length);
}

}  // namespace

double scaled_lr(const OptimConfig& config, std::int64_t images) {
  const double ratio = static_cast<double>(images) / kLrBatch;
  switch (config.lr_scaling) {
    case LrScaling::kNone:
      return config.lr;
    case LrScaling::kLinear:
      return config.lr * ratio;
    case LrScaling::kSqrt:
      return config.lr * std::sqrt(ratio);
  }
  return config.lr;
}

double learning_rate(const ScheduleConfig& schedule, double peak, std::int64_t step,
                     std::int64_t total_steps, std::int64_t steps_per_epoch) {
  const std::int64_t warmup =
      std::min(total_steps, static_cast<std::int64_t>(std::llround(
                                schedule.warmup_epochs * static_cast<double>(steps_per_epoch))));
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress =
      std::min(1.0, static_cast<double>(step - warmup) /
                        static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup)));
  switch (schedule.name) {
    case ScheduleName::kConstant:
      return peak;
    case ScheduleName::kCosine:
      return schedule.min_lr +
             0.5 * (peak - schedule.min_lr) *
                 (1.0 + std::cos(std::numbers::pi * progress_of_cycle(schedule, progress)));
    case ScheduleName::kLinear:
      return peak + (schedule.min_lr - peak) * progress;
    case ScheduleName::kStep: {
      const double epoch = static_cast<double>(step) / static_cast<double>(steps_per_epoch);
      const auto passed = std::count_if(schedule.milestones.begin(), schedule.milestones.end(),
                                        [&](double milestone) { return epoch >= milestone; });
      return peak * std::pow(schedule.gamma, static_cast<double>(passed));
    }
  }
  return peak;
}

}  // namespace tessera
