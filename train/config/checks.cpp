#include "train/config/checks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/dataset_info.h"
#include "data/sets/image_folder.h"
#include "layers/model_problems.h"
#include "optim/schedule.h"

namespace tessera {
namespace {

/// Adds problems of values in combination.
struct Checker {
  const Config& config;
  const ReadState& state;
  Problems& problems;

  bool readable(std::initializer_list<std::string> paths) const {
    return std::all_of(paths.begin(), paths.end(),
                       [this](const std::string& path) { return state.readable(path); });
  }

  template <typename... Args>
  void report(const std::vector<std::string>& paths, fmt::format_string<Args...> format,
              Args&&... args) const {
    problems.add(state.mark_of(paths), fmt::format(format, std::forward<Args>(args)...));
  }
};

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

void check_model_against_data(const Checker& check, const DatasetInfo& info) {
  const ModelConfig& model = check.config.model;
  const Size2 image{info.image.height, info.image.width};
  if (check.readable({"model.image_size"}) && model.image_size != image) {
    check.report({"model.image_size"}, "[model] image_size {}, but images of {} are {}; use auto",
                 by(model.image_size), info.name, by(image));
  }
  if (check.readable({"model.in_channels"}) && model.in_channels != info.image.channels) {
    check.report({"model.in_channels"}, "[model] in_channels {}, but {} has {}; use auto",
                 model.in_channels, info.name, info.image.channels);
  }
  if (check.readable({"model.num_classes"}) && model.num_classes < info.num_classes()) {
    check.report({"model.num_classes"},
                 "[model] num_classes {} is less than the {} classes of {}; use auto",
                 model.num_classes, info.num_classes(), info.name);
  }
}

void check_normalization(const Checker& check, const DatasetInfo& info) {
  const auto check_list = [&](const char* path, const std::vector<float>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    if (!check.readable({path}) || values.empty() || count == info.image.channels) return;
    check.report({path}, "{}: {} given, but images of {} have {} channels", path, count, info.name,
                 info.image.channels);
  };
  check_list("data.normalize.mean", check.config.data.mean);
  check_list("data.normalize.std", check.config.data.std);
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
  if (data.name != DatasetName::kImageFolder || !data.classes.empty()) return;
  if (!check.readable({"data"})) return;
  try {
    data.classes = image_folder_classes(data);
  } catch (const DataError& error) {
    if (check.config.model.num_classes > 0 || !check.readable({"model.num_classes"})) return;
    check.report({"data.root", "data.name"},
                 "model.num_classes auto is the number of classes of data.root: {}", error.what());
  }
}

void check_folder(const Checker& check) {
  const DataConfig& data = check.config.data;
  const std::int64_t channels = check.config.model.in_channels;
  if (check.readable({"model.in_channels"}) && channels != 1 && channels != 3) {
    check.report({"model.in_channels"}, "[model] in_channels {}: files give images of 1 or 3",
                 channels);
  }
  std::vector<std::string> names = data.classes;
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    check.report({"data.classes"}, "data.classes: {} is there twice", *twice);
  }
}

}  // namespace

void resolve_auto(Config& config, const ReadState& state, Problems& problems) {
  ModelConfig& model = config.model;
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
}

void check_config(const Config& config, const ReadState& state, Problems& problems) {
  const Checker check{config, state, problems};
  check_model(check);
  check_schedule(check);
  if (config.has_data && state.readable("data.name")) {
    const DatasetInfo info = dataset_info(config.data);
    check_model_against_data(check, info);
    check_normalization(check, info);
    if (config.data.name == DatasetName::kImageFolder) check_folder(check);
  }
}

}  // namespace tessera
