#include "layers/stage_plan.h"

#include <algorithm>

#include "core/error.h"
#include "layers/heads/make_head.h"
#include "layers/model_problems.h"
#include "layers/patch/make_patch_layers.h"

namespace tessera {

WindowPlan WindowRule::plan(Size2 map) const {
  if (whole_map) return {map, {0, 0}, map};
  WindowPlan plan{.window = window, .shift = {}, .padded = {}};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::int64_t& side = plan.window[axis];
    if (policy == WindowPolicy::kClamp) side = std::min(side, map[axis]);
    plan.padded[axis] = (map[axis] + side - 1) / side * side;
    const bool covers = side == plan.padded[axis];
    if (moves && (!covers || policy == WindowPolicy::kKeep)) plan.shift[axis] = side / 2;
  }
  return plan;
}

WindowRule window_rule(const ModelConfig& config, bool shifted) {
  return {.window = config.window_size,
          .policy = config.window_policy,
          .moves = config.window_shift && shifted,
          .whole_map = config.name == ModelName::kViT};
}

namespace {

// qkv, projection, two MLP layers; then QK^T and PV over whole windows, padding included.
std::int64_t block_macs(const ModelConfig& config, const StagePlan& stage, const WindowPlan& plan) {
  const std::int64_t c = stage.channels;
  const std::int64_t linear = stage.tokens() * c * (4 * c + 2 * mlp_hidden(config, c));
  const std::int64_t attention = 2 * plan.windows() * plan.tokens() * plan.tokens() * c;
  return linear + attention;
}

StagePlan plan_stage(const ModelConfig& config, std::size_t index, Size2 map,
                     std::int64_t channels) {
  StagePlan stage{.map = map,
                  .channels = channels,
                  .num_heads = config.num_heads[index],
                  .depth = config.depths[index],
                  .windows = plan_windows(config, map, false),
                  .shifted_windows = plan_windows(config, map, true)};
  if (!config.pretrained_window_size.empty()) {
    stage.pretrained_window = config.pretrained_window_size[index];
  }
  const double shifted = entry_of(config.token_shift, index) * static_cast<double>(channels);
  stage.shifted_channels = static_cast<std::int64_t>(shifted / 4.0);
  for (std::int64_t block = 0; block < stage.depth; ++block) {
    stage.macs += block_macs(config, stage, block % 2 == 0 ? stage.windows : stage.shifted_windows);
  }
  return stage;
}

/// Of a configuration without problems.
ModelPlan plan_valid(const ModelConfig& config, const Head& head) {
  ModelPlan plan{.embed = make_patch_embed(config)->plan(config.image_size)};
  Size2 map = plan.embed.map;
  if (config.pool == Pooling::kToken) map = {1, 1 + map[0] * map[1]};
  const std::vector<std::int64_t> channels = stage_channels(config);
  const StageOutputs outputs = head.reads();
  if (outputs.stages.empty() || outputs.built() > channels.size()) {
    fail<ConfigError>("[model] the head reads {} stages up to number {}, of {}",
                      outputs.stages.size(), outputs.stages.empty() ? 0 : outputs.built(),
                      channels.size());
  }
  std::vector<MapShape> maps;
  for (std::size_t i = 0; i < outputs.built(); ++i) {
    plan.stages.push_back(plan_stage(config, i, map, channels.at(i)));
    maps.push_back({map, channels[i]});
    if (i + 1 == outputs.built()) break;
    StagePlan& stage = plan.stages.back();
    const PatchMergingPlan merging =
        make_patch_merging(config, {channels[i], channels[i + 1]})->plan(map);
    stage.macs += merging.macs;
    stage.merge_saved = merging.saved;
    map = merged(map);
  }
  if (outputs.norm_each) {
    for (const std::size_t i : outputs.stages) {
      plan.stages[i].norm_saved = 2 * plan.stages[i].tokens() * channels[i];  // before and after
    }
  }
  plan.head = head.plan(maps, config.image_size);
  return plan;
}

}  // namespace

std::int64_t ModelPlan::blocks() const {
  std::int64_t blocks = 0;
  for (const StagePlan& stage : stages) blocks += stage.depth;
  return blocks;
}

std::int64_t ModelPlan::macs() const {
  std::int64_t total = embed.macs + head.macs;
  for (const StagePlan& stage : stages) total += stage.macs;
  return total;
}

ModelPlan plan_model(const ModelConfig& config) {
  throw_first_problem(config);
  return plan_valid(config, *make_head(config));
}

ModelPlan plan_model(const ModelConfig& config, const Head& head) {
  throw_first_problem(config);
  return plan_valid(config, head);
}

double training_macs(const ModelConfig& config) {
  if (config.patch_sizes.empty()) return static_cast<double>(plan_model(config).macs());
  ModelConfig drawn = config;
  double sum = 0.0;
  for (const std::int64_t side : config.patch_sizes) {
    drawn.patch_size = {side, side};
    sum += static_cast<double>(plan_model(drawn).macs());
  }
  return sum / static_cast<double>(config.patch_sizes.size());
}

}  // namespace tessera
