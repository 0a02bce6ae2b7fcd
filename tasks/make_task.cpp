#include "tasks/make_task.h"

#include <algorithm>

#include "tasks/classification/classification.h"
#include "tasks/detection/detection.h"
#include "tasks/segmentation/segmentation.h"
#include "tasks/simmim/simmim.h"

namespace tessera {
namespace {

/// The names of figures do not depend on the number of classes, which may not be known yet.
ModelConfig with_classes(ModelConfig model) {
  model.num_classes = std::clamp<std::int64_t>(model.num_classes, 1, 255);
  return model;
}

/// What a meter counts, which has not seen anything yet, after the names given.
std::vector<std::string> names_of(const Meter& meter, std::vector<std::string> names) {
  for (const Metric& metric : meter.values()) names.push_back(metric.name);
  return names;
}

}  // namespace

std::unique_ptr<Task> make_task(const TaskConfig& task, const ModelConfig& model) {
  switch (task.name) {
    case TaskName::kClassification:
      break;
    case TaskName::kSegmentation:
      return std::make_unique<Segmentation>(task.weighting, model.num_classes,
                                            model.head.auxiliary.weight);
    case TaskName::kDetection:
      return std::make_unique<DetectionTask>(model);
    case TaskName::kSimmim:
      return std::make_unique<Simmim>(model);
  }
  return std::make_unique<Classification>(task.loss, task.weighting, model.num_classes);
}

std::vector<std::string> evaluation_metrics(const TaskConfig& task, const ModelConfig& model) {
  return names_of(*make_task(task, with_classes(model))->evaluation_meter(), {});
}

std::vector<std::string> training_metrics(const TaskConfig& task, const ModelConfig& model) {
  return names_of(*make_task(task, with_classes(model))->training_meter(), {"loss"});
}

}  // namespace tessera
