// Running a model over a whole split.
#pragma once

#include <functional>

#include "data/loader.h"
#include "distributed/communicator.h"
#include "tasks/task.h"
#include "train/learner.h"

namespace tessera {

/// A loader for evaluation: in order, normalised, not augmented, the last batch included. Of data
/// sets with masks or boxes one image at a time, so that no figure depends on what stands beside
/// it, with the targets of the images as they are stored. Of several ranks each has its batches.
LoaderOptions evaluation_options(const DataConfig& config, const Share& share = {});

/// Sees one batch and what the model puts out for it, f32; false: the rest is left out.
using VisitBatch = std::function<bool(std::span<const Tensor> outputs, const Batch& batch)>;

/// What a model says of images [B, H, W, C], f32: by one look at them, or by several.
using Answer = std::function<std::vector<Tensor>(Learner& learner, const Tensor& images)>;

/// Counts all batches of `loader`, in order, into `meter`, with the weights the model holds now.
/// Without an `answer` it is what the head puts out.
void evaluate(Learner& learner, Loader& loader, Meter& meter, const VisitBatch& visit = {},
              const Answer& answer = {});

/// What the meters of all ranks have counted together, each having given its own; `make` makes an
/// empty one.
std::unique_ptr<Meter> merged(Communicator& ranks, Meter& own,
                              const std::function<std::unique_ptr<Meter>()>& make);

}  // namespace tessera
