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

Metrics evaluate(Learner& learner, Loader& loader, std::int64_t num_classes,
                 const std::function<bool(const Tensor& logits, const Batch& batch)>& visit,
                 const TestViews& views) {
  Metrics metrics(num_classes);
  loader.start_epoch(0);
  for (Batch batch; loader.next(batch);) {
    const Tensor logits = predict_views(learner, batch.images, views);
    metrics.add(logits, batch.labels);
    if (visit && !visit(logits, batch)) break;
  }
  return metrics;
}

}  // namespace tessera
