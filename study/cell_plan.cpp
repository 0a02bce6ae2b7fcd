#include "study/cell_plan.h"

#include "data/hold_out.h"
#include "data/open_dataset.h"
#include "layers/model.h"

namespace tessera {

std::int64_t known_samples(const DataConfig& data, Split split) {
  const bool train = split == Split::kTrain;
  const std::int64_t wanted = train ? data.train_samples : data.test_samples;
  if (wanted > 0 && (train || !holds_out(data))) return wanted;
  if (split != Split::kTest && holds_out(data)) return open_dataset(data, split)->size();
  const DatasetInfo info = dataset_info(data);
  const std::int64_t known = train ? info.train_samples : info.test_samples;
  return known > 0 ? known : open_dataset(data, split)->size();
}

CellPlan plan_cell(const Config& config) {
  CellPlan plan;
  plan.model = plan_model(config.model);
  plan.parameters = Model(config.model).parameters.count();
  plan.macs = plan.model.macs();
  plan.length = training_length(config, known_samples(config.data, Split::kTrain));
  plan.predicted_bytes = predicted_bytes(config, plan.parameters);
  return plan;
}

double training_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed) {
  const std::int64_t images =
      plan.length.total_steps * config.data.batch_size * config.data.accumulate;
  return static_cast<double>(images) / speed.train_images_per_s;
}

double run_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed) {
  const std::int64_t tested = plan.length.evaluations * known_samples(config.data, Split::kVal);
  return training_seconds(config, plan, speed) +
         static_cast<double>(tested) / speed.test_images_per_s;
}

}  // namespace tessera
