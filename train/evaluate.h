// Running a model over a whole split.
#pragma once

#include <functional>

#include "data/loader.h"
#include "train/learner.h"
#include "train/metrics.h"

namespace tessera {

/// A loader for evaluation: in order, normalised, not augmented, the last batch included.
LoaderOptions evaluation_options(const DataConfig& config);

/// Metrics over all batches of `loader`, with the weights the model holds now. `keep_going` is
/// asked before each batch with the number done; false ends early, with what was counted so far.
Metrics evaluate(Learner& learner, Loader& loader, std::int64_t num_classes,
                 const std::function<bool(std::int64_t)>& keep_going = {});

}  // namespace tessera
