// Running a model over a whole split.
#pragma once

#include <functional>

#include "data/loader.h"
#include "tasks/classification/metrics.h"
#include "train/learner.h"
#include "train/test_views.h"

namespace tessera {

/// A loader for evaluation: in order, normalised, not augmented, the last batch included.
LoaderOptions evaluation_options(const DataConfig& config);

/// Metrics over all batches of `loader`, in order, with the weights the model holds now, by the
/// mean of `views`. `visit` gets the logits [B, K] f32 of each batch; if it says false the rest is
/// left out.
Metrics evaluate(Learner& learner, Loader& loader, std::int64_t num_classes,
                 const std::function<bool(const Tensor& logits, const Batch& batch)>& visit = {},
                 const TestViews& views = {});

}  // namespace tessera
