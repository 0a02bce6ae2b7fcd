// Running a model over a whole split.
#pragma once

#include <functional>

#include "data/loader.h"
#include "tasks/task.h"
#include "train/learner.h"
#include "train/map_views.h"
#include "train/test_views.h"

namespace tessera {

/// A loader for evaluation: in order, normalised, not augmented, the last batch included. Of data
/// sets with masks or boxes one image at a time, so that no figure depends on what stands beside
/// it, with the targets of the images as they are stored.
LoaderOptions evaluation_options(const DataConfig& config);

/// Sees one batch and what the model puts out for it, f32; false: the rest is left out.
using VisitBatch = std::function<bool(std::span<const Tensor> outputs, const Batch& batch)>;

/// Counts all batches of `loader`, in order, into `meter`, with the weights the model holds now, by
/// the mean of `views`, or of `map_views` where the model answers for each pixel.
void evaluate(Learner& learner, Loader& loader, Meter& meter, const VisitBatch& visit = {},
              const TestViews& views = {}, const MapViews& map_views = {});

}  // namespace tessera
