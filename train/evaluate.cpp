#include "train/evaluate.h"

namespace tessera {

LoaderOptions evaluation_options(const DataConfig& config) {
  return {.batch_size = config.batch_size,
          .augment = {},
          .normalization = normalization_of(config),
          .workers = config.workers};
}

Metrics evaluate(Learner& learner, Loader& loader, std::int64_t num_classes,
                 const std::function<bool(std::int64_t)>& keep_going) {
  Metrics metrics(num_classes);
  loader.start_epoch(0);
  Batch batch;
  for (std::int64_t done = 0; !keep_going || keep_going(done); ++done) {
    if (!loader.next(batch)) break;
    metrics.add(learner.predict(batch.images), batch.labels);
  }
  return metrics;
}

}  // namespace tessera
