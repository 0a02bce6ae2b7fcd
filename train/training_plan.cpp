#include "train/training_plan.h"

#include <algorithm>

#include "core/error.h"
#include "layers/stage_plan.h"
#include "optim/optimizer.h"

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

std::int64_t predicted_bytes(const Config& config, std::int64_t parameters) {
  const std::int64_t averages = config.optim.ema > 0.0 ? 1 : 0;
  return predict_training_bytes(config.model, parameters, config.data.batch_size,
                                state_buffers(config.optim.name) + averages);
}

}  // namespace tessera
