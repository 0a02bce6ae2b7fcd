#include "train/config/checks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/dataset_info.h"
#include "data/open_dataset.h"
#include "layers/model_problems.h"
#include "optim/schedule.h"
#include "tasks/make_task.h"
#include "train/config/closest.h"

namespace tessera {
namespace {

/// Problems that come from a value which could not be read are left out.
void check_model(const Checker& check) {
  const auto readable = [&](const std::string& key) {
    return check.state.readable(key.substr(0, key.find('[')));
  };
  for (const ConfigProblem& problem : model_problems(check.config.model)) {
    if (std::ranges::all_of(problem.keys, readable) &&
        std::ranges::all_of(problem.others, readable)) {
      check.report(problem.keys, "[model] {}", problem.text);
    }
  }
}

void check_schedule(const Checker& check) {
  const OptimConfig& optim = check.config.optim;
  const ScheduleConfig& schedule = optim.schedule;
  const DataConfig& data = check.config.data;
  const double peak = scaled_lr(optim, data.batch_size * data.accumulate);
  if (check.readable({"optim.lr", "optim.schedule.min_lr"}) && schedule.min_lr > peak) {
    check.report({"optim.schedule.min_lr", "optim.lr"}, "[optim] min_lr {} is above lr {}",
                 schedule.min_lr, peak);
  }
  if (check.readable({"optim.schedule.name", "optim.schedule.cycles"}) && schedule.cycles > 1 &&
      schedule.name != ScheduleName::kCosine) {
    check.report({"optim.schedule.cycles"},
                 "[optim] schedule.cycles {} is for schedule.name cosine; leave it out",
                 schedule.cycles);
  }
  if (!check.readable({"optim.schedule.name", "optim.schedule.milestones"})) return;
  if (schedule.name == ScheduleName::kStep && schedule.milestones.empty()) {
    check.report({"optim.schedule.name"}, "[optim] schedule step needs milestones: [epoch, ...]");
  }
  const auto fall = std::adjacent_find(schedule.milestones.begin(), schedule.milestones.end(),
                                       std::greater_equal<>());
  if (fall != schedule.milestones.end()) {
    check.report({"optim.schedule.milestones"}, "[optim] milestones [{}] do not rise",
                 fmt::join(schedule.milestones, ", "));
  }
}

/// Without them a model of a given number of classes can still be inspected and measured.
void list_classes(const Checker& check, DataConfig& data) {
  if (!lies_in_files(data.name) || !data.classes.empty()) return;
  if (!check.readable({"data"})) return;
  try {
    data.classes = dataset_classes(data);
  } catch (const DataError& error) {
    if (check.config.model.num_classes > 0 || !check.readable({"model.num_classes"})) return;
    check.report({"data.root", "data.name"},
                 "model.num_classes auto is the number of classes of data.root: {}", error.what());
  }
}

void check_best_by(const Checker& check) {
  const std::vector<std::string> names = evaluation_metrics(check.config.task, check.config.model);
  const std::string& name = check.config.train.best_by;
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  const auto guess = closest(name, names);
  check.report({"train.best_by"}, "train.best_by: expected one of {}, got {:?}{}",
               fmt::join(names, ", "), name,
               guess ? fmt::format("; did you mean {}?", *guess) : "");
}

std::string_view words_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::kMask:
      return "a mask";
    case TargetKind::kBoxes:
      return "boxes";
    case TargetKind::kClass:
      break;
  }
  return "a class";
}

std::string_view task_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::kMask:
      return "segmentation";
    case TargetKind::kBoxes:
      return "detection";
    case TargetKind::kClass:
      break;
  }
  return "classification";
}

void check_heads(const Checker& check) {
  const Config& config = check.config;
  const auto needs = [&](TaskName task, bool has_head, const char* name, const char* heads) {
    if (!check.readable({"task.name", "model.head.type"})) return;
    if ((config.task.name == task) == has_head) return;
    check.report({"model.head.type", "task.name"}, "[task] {}",
                 has_head ? fmt::format("model.head.type {} is for task.name: {}", heads, name)
                          : fmt::format("{} needs model.head.type: {}", name, heads));
  };
  needs(TaskName::kSegmentation, is_segmenting(config.model.head.type), "segmentation",
        "upernet, fpn or fcn");
  needs(TaskName::kDetection, is_detecting(config.model.head.type), "detection",
        "fcos or retinanet");
  needs(TaskName::kSimmim, is_filling(config.model.head.type), "simmim", "pixels");
}

void check_class_weights(const Checker& check, std::optional<TargetKind> learned) {
  const Config& config = check.config;
  const ClassWeighting& weighting = config.task.weighting;
  if (weighting.balance != ClassWeights::kNone && learned == TargetKind::kClass &&
      config.task.loss.name == LossName::kBinaryCrossEntropy &&
      check.readable({"task.class_weights", "train.loss"})) {
    check.report({"task.class_weights", "train.loss"},
                 "task.class_weights: is for train.loss cross_entropy or focal");
  }
  if (weighting.balance != ClassWeights::kGiven || !check.readable({"task.class_weights"})) return;
  if (static_cast<std::int64_t>(weighting.weights.size()) != config.model.num_classes) {
    check.report({"task.class_weights"}, "task.class_weights: {} numbers for {} classes",
                 weighting.weights.size(), config.model.num_classes);
  }
}

void check_task(const Checker& check) {
  const Config& config = check.config;
  const std::optional<TargetKind> learned = make_task(config.task, config.model)->targets();
  if (learned && config.has_data && check.readable({"task.name", "data.name"})) {
    const TargetKind known = target_kind_of(config.data.name);
    if (known != learned) {
      check.report(
          {"task.name", "data.name"},
          "[task] {} learns {} of an image, and {} knows {}; set task.name: {}, or another "
          "data.name",
          task_of(*learned), words_of(*learned), dataset_info(config.data).name, words_of(known),
          task_of(known));
    }
  }
  const bool knows_classes = !config.data.classes.empty() || check.state.given("model.num_classes");
  if (config.task.name == TaskName::kSegmentation && knows_classes &&
      config.model.num_classes > 255) {
    check.report({"model.num_classes", "task.name"},
                 "[task] segmentation tells at most 255 classes apart, not {}",
                 config.model.num_classes);
  }
  if (!config.train.teacher.run.empty() && config.task.name != TaskName::kClassification &&
      check.readable({"train.teacher", "task.name"})) {
    check.report({"train.teacher", "task.name"},
                 "[train] teacher: is for task.name classification");
  }
  check_heads(check);
  check_class_weights(check, learned);
}

}  // namespace

void resolve_auto(Config& config, const ReadState& state, Problems& problems) {
  ModelConfig& model = config.model;
  if (!state.given("task.name") && is_segmenting(model.head.type)) {
    config.task.name = TaskName::kSegmentation;
  }
  if (!state.given("task.name") && is_detecting(model.head.type)) {
    config.task.name = TaskName::kDetection;
  }
  if (!state.given("task.name") && is_filling(model.head.type)) {
    config.task.name = TaskName::kSimmim;
  }
  if (!state.given("model.head.type") && config.task.name == TaskName::kSimmim) {
    model.head.type = HeadType::kPixels;
  }
  const ModelConfig unset;
  ImageShape image{unset.image_size[0], unset.image_size[1], unset.in_channels};
  std::int64_t classes = unset.num_classes;
  if (config.has_data) {
    list_classes({config, state, problems}, config.data);
    const DatasetInfo info = dataset_info(config.data);
    image = info.image;
    if (info.num_classes() > 0) classes = info.num_classes();
  }
  if (model.image_size == Size2{}) model.image_size = {image.height, image.width};
  if (model.in_channels == 0) model.in_channels = image.channels;
  if (model.num_classes == 0) model.num_classes = classes;
  config.data.image = {model.image_size[0], model.image_size[1], model.in_channels};
  resolve_position(model);
  resolve_patch_edge(model);
  if (config.train.best_by.empty()) config.train.best_by = main_metric(config);
}

void check_config(const Config& config, const ReadState& state, Problems& problems) {
  const Checker check{config, state, problems};
  check_task(check);
  check_best_by(check);
  check_model(check);
  check_schedule(check);
  if (config.has_data && state.readable("data.name")) check_data_config(check);
}

}  // namespace tessera
