#include "tasks/make_task.h"

#include "tasks/classification/classification.h"

namespace tessera {
namespace {

/// What a meter counts, which has not seen anything yet, after the names given.
std::vector<std::string> names_of(const Meter& meter, std::vector<std::string> names) {
  for (const Metric& metric : meter.values()) names.push_back(metric.name);
  return names;
}

}  // namespace

std::unique_ptr<Task> make_task(const LossConfig& loss, const ModelConfig& model) {
  return std::make_unique<Classification>(loss, model.num_classes);
}

std::vector<std::string> evaluation_metrics(const LossConfig& loss, const ModelConfig& model) {
  return names_of(*make_task(loss, model)->evaluation_meter(), {});
}

std::vector<std::string> training_metrics(const LossConfig& loss, const ModelConfig& model) {
  return names_of(*make_task(loss, model)->training_meter(), {"loss"});
}

}  // namespace tessera
