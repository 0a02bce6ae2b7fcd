#include "train/evaluate.h"

namespace tessera {

LoaderOptions evaluation_options(const DataConfig& config) {
  const bool dense = target_kind_of(config.name) != TargetKind::kClass;
  return {.batch_size = dense ? 1 : config.batch_size,
          .augment = {},
          .resize = config.resize,
          .normalization = normalization_of(config),
          .on_error = config.on_error,
          .workers = config.workers,
          .originals = dense};
}

void evaluate(Learner& learner, Loader& loader, Meter& meter, const VisitBatch& visit,
              const Answer& answer) {
  loader.start_epoch(0);
  for (Batch batch; loader.next(batch);) {
    const std::vector<Tensor> outputs =
        answer ? answer(learner, batch.images) : learner.outputs(batch.images);
    meter.add(outputs, batch);
    if (visit && !visit(outputs, batch)) break;
  }
}

}  // namespace tessera
