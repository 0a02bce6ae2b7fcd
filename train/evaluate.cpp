#include "train/evaluate.h"

namespace tessera {

LoaderOptions evaluation_options(const DataConfig& config, const Share& share) {
  const bool dense = target_kind_of(config.name) != TargetKind::kClass;
  return {.batch_size = dense ? 1 : config.batch_size,
          .augment = {},
          .resize = config.resize,
          .normalization = normalization_of(config),
          .on_error = config.on_error,
          .workers = config.workers,
          .originals = dense,
          .share = {share.rank, share.ranks, /*of_each_batch=*/share.ranks == 1}};
}

std::unique_ptr<Meter> merged(Communicator& ranks, Meter& own,
                              const std::function<std::unique_ptr<Meter>()>& make) {
  MeterState state;
  own.exchange(state);
  std::unique_ptr<Meter> all = make();
  for (std::string& bytes : ranks.gather_bytes(state.bytes())) {
    MeterState received(std::move(bytes));
    const std::unique_ptr<Meter> other = make();
    other->exchange(received);
    all->merge(*other);
  }
  return all;
}

void evaluate(Learner& learner, Loader& loader, Meter& meter, const VisitBatch& visit,
              const Answer& answer) {
  loader.start_epoch(0);
  for (Batch batch; loader.next(batch);) {
    const std::vector<Tensor> outputs =
        answer ? answer(learner, batch.images) : learner.outputs(batch);
    meter.add(outputs, batch);
    if (visit && !visit(outputs, batch)) break;
  }
}

}  // namespace tessera
