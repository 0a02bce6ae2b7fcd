#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tessera {
namespace {

/// How far the fall has come, 0 with the first of `steps` and 1 with the last.
double progress_of(std::int64_t step, std::int64_t steps) {
  return steps < 2 ? 0.0 : static_cast<double>(step) / static_cast<double>(steps - 1);
}

/// The same within the cycle that `step` of `steps` lies in.
double progress_of_cycle(const ScheduleConfig& schedule, std::int64_t step, std::int64_t steps) {
  // Lengths by that of the last cycle, from which they fall backwards: none is too large a number.
  double whole = 0.0, length = 1.0;
  for (std::int64_t i = 0; i < schedule.cycles; ++i, length /= schedule.cycle_growth) {
    whole += length;
  }
  std::int64_t end = steps;
  double after = 0.0;  // share of the cycles from this one on
  length = 1.0;
  for (std::int64_t i = 0; i < schedule.cycles; ++i, length /= schedule.cycle_growth) {
    after += length / whole;
    const std::int64_t begin =
        i + 1 == schedule.cycles
            ? 0
            : std::max<std::int64_t>(0, std::llround((1.0 - after) * static_cast<double>(steps)));
    if (step >= begin) return progress_of(step - begin, end - begin);
    end = begin;
  }
  return 0.0;
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

std::int64_t warmup_steps(const ScheduleConfig& schedule, std::int64_t steps_per_epoch) {
  constexpr double kMost = 1e15;  // a whole number as a double, and no run is longer
  return static_cast<std::int64_t>(
      std::llround(std::min(kMost, schedule.warmup_epochs * static_cast<double>(steps_per_epoch))));
}

double learning_rate(const ScheduleConfig& schedule, double peak, std::int64_t step,
                     std::int64_t total_steps, std::int64_t steps_per_epoch) {
  const std::int64_t warmup = std::min(total_steps, warmup_steps(schedule, steps_per_epoch));
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const std::int64_t steps = std::max<std::int64_t>(1, total_steps - warmup);
  const std::int64_t fallen = std::min(step - warmup, steps - 1);
  switch (schedule.name) {
    case ScheduleName::kConstant:
      return peak;
    case ScheduleName::kCosine:
      return std::lerp(
          schedule.min_lr, peak,
          0.5 + 0.5 * std::cos(std::numbers::pi * progress_of_cycle(schedule, fallen, steps)));
    case ScheduleName::kLinear:
      return std::lerp(peak, schedule.min_lr, progress_of(fallen, steps));
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
