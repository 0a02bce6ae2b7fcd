// What a training will take, worked out from its configuration: updates, tests, memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/train_config.h"

namespace tessera {

struct TrainingLength {
  std::int64_t steps_per_epoch = 0;  ///< updates; what does not fill one is left out
  std::int64_t total_steps = 0;
  std::int64_t evaluations = 0;  ///< of the whole test split

  friend bool operator==(const TrainingLength&, const TrainingLength&) = default;
};

/// The length of a training on `samples` images. Throws ConfigError if they do not fill one update.
TrainingLength training_length(const Config& config, std::int64_t samples);

/// What a schedule cannot mean in a run of this length, a line each: a warm-up that is longer, or
/// more cycles than there are updates to fall in.
std::vector<std::string> schedule_notices(const Config& config, const TrainingLength& length);

/// Bytes that the process takes at the peak of training: see predict_training_bytes. With batches
/// that wait in the loader, and the images of data sets that lie in memory. Throws as
/// read_saved_config if the configuration names a teacher that is not there.
std::int64_t predicted_bytes(const Config& config, std::int64_t parameters);

/// Seconds that training on `samples` images will take at about the share of this machine's peak
/// that such models reach; without loading.
double predicted_seconds(const Config& config, std::int64_t samples);

/// What a person should know before training on `samples` images, a line each, with what to change:
/// a plan of many hours or over the memory that is there, pixels that no patch sees.
std::vector<std::string> plan_warnings(const Config& config, std::int64_t samples, int ranks = 1);

}  // namespace tessera
