#include "train/training_plan.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/error.h"
#include "layers/stage_plan.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/readable.h"

namespace tessera {

TrainingLength training_length(const Config& config, std::int64_t samples) {
  const TrainConfig& train = config.train;
  TrainingLength length;
  length.steps_per_epoch = samples / config.data.batch_size / config.data.accumulate;
  if (length.steps_per_epoch == 0) {
    fail<ConfigError>(
        "data.batch_size {} x data.accumulate {}: the {} training samples do not fill one update; "
        "lower either",
        config.data.batch_size, config.data.accumulate, samples);
  }
  length.total_steps = length.steps_per_epoch * train.epochs;
  if (train.max_steps > 0) length.total_steps = std::min(length.total_steps, train.max_steps);
  // One after every `eval_every` epochs, one after the last step.
  const std::int64_t whole_epochs = length.total_steps / length.steps_per_epoch;
  const bool ends_between =
      length.total_steps % length.steps_per_epoch != 0 || whole_epochs % train.eval_every != 0;
  length.evaluations =
      std::max<std::int64_t>(1, whole_epochs / train.eval_every + (ends_between ? 1 : 0));
  return length;
}

std::vector<std::string> schedule_notices(const Config& config, const TrainingLength& length) {
  const ScheduleConfig& schedule = config.optim.schedule;
  const std::int64_t warmup = warmup_steps(schedule, length.steps_per_epoch);
  std::vector<std::string> notices;
  if (warmup > 0 && warmup >= length.total_steps) {
    notices.push_back(fmt::format(
        "optim.schedule.warmup_epochs {} is {} in a run of {}: the learning rate rises in all of "
        "them, and the {} schedule never begins",
        schedule.warmup_epochs, plural(warmup, "update"), length.total_steps,
        schedule.name == ScheduleName::kCosine   ? "cosine"
        : schedule.name == ScheduleName::kLinear ? "linear"
        : schedule.name == ScheduleName::kStep   ? "step"
                                                 : "constant"));
  }
  const std::int64_t rest = length.total_steps - std::min(warmup, length.total_steps);
  if (schedule.cycles > 1 && 2 * schedule.cycles > rest) {
    notices.push_back(
        fmt::format("optim.schedule.cycles {} in {}: most of them are too short to fall",
                    schedule.cycles, plural(rest, "update")));
  }
  return notices;
}

std::int64_t predicted_bytes(const Config& config, std::int64_t parameters) {
  const std::int64_t averages = config.optim.ema > 0.0 ? 1 : 0;
  return predict_training_bytes(config.model, parameters, config.data.batch_size,
                                state_buffers(config.optim.name) + averages);
}

}  // namespace tessera
