#include "train/train_config.h"

#include "tasks/make_task.h"

namespace tessera {

std::string main_metric(const Config& config) {
  for (const std::string& name : evaluation_metrics(config.task, config.model)) {
    if (!named_metric(name, 0.0).smaller_is_better) return name;
  }
  return "loss";
}

std::vector<std::string> reported_metrics(const Config& config) {
  std::vector<std::string> names;
  for (const std::string& name : evaluation_metrics(config.task, config.model)) {
    names.push_back("val/" + name);
  }
  for (const std::string& name : training_metrics(config.task, config.model)) {
    names.push_back("train/" + name);
  }
  return names;
}

}  // namespace tessera
