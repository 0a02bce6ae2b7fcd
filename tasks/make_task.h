// The task that a configuration names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "tasks/task.h"
#include "tasks/task_config.h"

namespace tessera {

/// `model` tells the number of classes, and what its head puts out.
std::unique_ptr<Task> make_task(const TaskConfig& task, const ModelConfig& model);

/// The names of what an evaluation finds out, the main one first: what `train.best_by` may be.
std::vector<std::string> evaluation_metrics(const TaskConfig& task, const ModelConfig& model);

/// The names of what an update reports, `loss` first.
std::vector<std::string> training_metrics(const TaskConfig& task, const ModelConfig& model);

}  // namespace tessera
