#include "train/evaluate.h"

namespace tessera {

LoaderOptions evaluation_options(const DataConfig& config) {
  return {.batch_size = config.batch_size,
          .augment = {},
          .resize = config.resize,
          .normalization = normalization_of(config),
          .on_error = config.on_error,
          .workers = config.workers};
}

void evaluate(Learner& learner, Loader& loader, Meter& meter, const VisitBatch& visit,
              const TestViews& views) {
  loader.start_epoch(0);
  for (Batch batch; loader.next(batch);) {
    const std::vector<Tensor> outputs =
        views.count() == 1 ? learner.outputs(batch.images)
                           : std::vector{predict_views(learner, batch.images, views)};
    meter.add(outputs, batch);
    if (visit && !visit(outputs, batch)) break;
  }
}

}  // namespace tessera
