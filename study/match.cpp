#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "layers/model.h"
#include "study/cell_plan.h"
#include "train/config/checks.h"

namespace tessera {
namespace {

constexpr std::int64_t kWidest = 8192;

bool is_legal(const Config& config) {
  Problems problems;
  check_config(config, ReadState(""), problems);
  return problems.empty();
}

std::int64_t cost_of(Match match, const ModelConfig& model) {
  return match == Match::kMacs ? std::llround(training_macs(model))
                               : Model(model).parameters.count();
}

ModelConfig with_width(ModelConfig model, std::int64_t width) {
  model.embed_dim = width;
  return model;
}

/// All widths that the configuration can have; the cost rises with them.
std::vector<std::int64_t> legal_widths(Config config) {
  std::vector<std::int64_t> widths;
  for (std::int64_t width = 1; width <= kWidest; ++width) {
    config.model.embed_dim = width;
    if (is_legal(config)) widths.push_back(width);
  }
  return widths;
}

std::int64_t nearest_width(Match match, const Config& config, std::int64_t target) {
  const std::vector<std::int64_t> widths = legal_widths(config);
  const auto cost = [&](std::int64_t width) {
    return cost_of(match, with_width(config.model, width));
  };
  // From the narrow end, in doubling strides: a wide model is not built only to be counted.
  std::ptrdiff_t begin = 0;
  std::ptrdiff_t end = 1;
  const auto size = static_cast<std::ptrdiff_t>(widths.size());
  while (end < size && cost(widths[static_cast<std::size_t>(end)]) < target) {
    begin = end;
    end *= 2;
  }
  const auto above =
      std::partition_point(widths.begin() + begin, widths.begin() + std::min(end, size),
                           [&](std::int64_t width) { return cost(width) < target; });
  if (above == widths.begin()) return widths.front();
  if (above == widths.end()) return widths.back();
  const std::int64_t below = *(above - 1);
  return cost(*above) - target < target - cost(below) ? *above : below;
}

double tokens_of_update(const Config& config) {
  const ModelPlan plan = plan_model(config.model);
  return static_cast<double>(plan.embed.map[0] * plan.embed.map[1] * config.data.batch_size *
                             config.data.accumulate);
}

std::int64_t updates_of(const Config& config) {
  return training_length(config, known_samples(config.data, Split::kTrain)).total_steps;
}

/// Makes the training `updates` long.
void set_updates(Cell& cell, std::int64_t updates) {
  Config& config = cell.config;
  const TrainingLength before = training_length(config, known_samples(config.data, Split::kTrain));
  if (updates == before.total_steps) return;
  const double ratio = static_cast<double>(updates) / static_cast<double>(before.total_steps);
  config.train.epochs = (updates + before.steps_per_epoch - 1) / before.steps_per_epoch;
  config.train.max_steps = updates;
  config.optim.schedule.warmup_epochs *= ratio;
  for (double& milestone : config.optim.schedule.milestones) milestone *= ratio;
  cell.changes.push_back(
      {"train.max_steps", fmt::format("{}", before.total_steps), fmt::format("{}", updates)});
}

}  // namespace

void match_width(Match match, std::vector<Cell>& cells) {
  if (match != Match::kMacs && match != Match::kParams) return;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Cell& cell = cells[i];
    if (cell.baseline == i) continue;
    const std::int64_t target = cost_of(match, cells[cell.baseline].config.model);
    std::int64_t& width = cell.config.model.embed_dim;
    const std::int64_t nearest = nearest_width(match, cell.config, target);
    if (nearest == width) continue;
    cell.changes.push_back(
        {"model.embed_dim", fmt::format("{}", width), fmt::format("{}", nearest)});
    width = nearest;
  }
}

void match_length(Match match, double budget, const std::vector<CellSpeed>& speeds,
                  std::vector<Cell>& cells) {
  if (match != Match::kTokens && match != Match::kTime) return;
  const auto cost_of_update = [&](std::size_t i) {
    const Config& config = cells[i].config;
    if (match == Match::kTokens) return tokens_of_update(config);
    return static_cast<double>(config.data.batch_size * config.data.accumulate) /
           speeds[i].train_images_per_s;
  };
  std::vector<double> targets;
  for (const Cell& cell : cells) {
    const bool by_budget = match == Match::kTime && budget > 0.0;
    targets.push_back(by_budget ? budget
                                : static_cast<double>(updates_of(cells[cell.baseline].config)) *
                                      cost_of_update(cell.baseline));
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::int64_t updates = std::llround(targets[i] / cost_of_update(i));
    set_updates(cells[i], std::max<std::int64_t>(1, updates));
  }
}

}  // namespace tessera
