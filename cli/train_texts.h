// What `tessera train` says of a run before and after it.
#pragma once

#include <string>
#include <vector>

#include "train/trainer.h"

namespace tessera {

/// What the run means by its learning rate, and what should be known of its plan on so many ranks,
/// a line each.
std::vector<std::string> plan_texts(const Config& config, std::int64_t samples, int ranks = 1);

/// `: val top-1 83.12 %, best 84.02 %`
std::string last_and_best(const TrainSummary& summary, const Config& config);

}  // namespace tessera
