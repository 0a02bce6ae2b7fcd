#include "cli/train_texts.h"

#include <fmt/core.h>

#include "optim/schedule.h"
#include "train/readable.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

/// How the peak of the learning rate comes about; nothing if it stands in the configuration.
std::string learning_rate_text(const Config& config) {
  const OptimConfig& optim = config.optim;
  if (optim.lr_scaling == LrScaling::kNone) return "";
  const std::int64_t images = config.data.batch_size * config.data.accumulate;
  const std::string ratio = fmt::format("{} / {}", images, kLrBatch);
  return fmt::format(
      "learning rate {:.4g} = {:.4g} x {} for updates of {} images", scaled_lr(optim, images),
      optim.lr, optim.lr_scaling == LrScaling::kLinear ? ratio : "sqrt(" + ratio + ")", images);
}

}  // namespace

std::vector<std::string> plan_texts(const Config& config, std::int64_t samples, int ranks) {
  std::vector<std::string> lines = schedule_notices(config, training_length(config, samples));
  if (const std::string text = learning_rate_text(config); !text.empty()) {
    lines.insert(lines.begin(), text);
  }
  for (std::string& line : plan_warnings(config, samples, ranks)) lines.push_back(std::move(line));
  return lines;
}

std::string last_and_best(const TrainSummary& summary, const Config& config) {
  if (!summary.last || !summary.best) return "";
  const std::string name = "val/" + config.train.best_by;
  const Metric* last = summary.last->metrics.find(name);
  const Metric* best = summary.best->metrics.find(name);
  if (last == nullptr || best == nullptr) return "";
  return fmt::format(": {} {}, best {}", title_of_metric(name), text_of_metric(*last),
                     text_of_metric(*best));
}

}  // namespace tessera
