#include "layers/stage_plan.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace tessera {
namespace {

void check_lists(const ModelConfig& config) {
  if (config.depths.empty() || config.depths.size() != config.num_heads.size()) {
    fail<ConfigError>(
        "model.depths has {} stages and model.num_heads {}: give one entry a stage in each",
        config.depths.size(), config.num_heads.size());
  }
  for (const std::int64_t depth : config.depths) {
    if (depth < 1)
      fail<ConfigError>("model.depths has {}: a stage needs at least one block", depth);
  }
}

/// One number for all, or one each.
double entry_of(const std::vector<double>& list, std::size_t index) {
  return list.at(list.size() == 1 ? 0 : index);
}

void check_numbers(const char* key, const std::vector<double>& list, std::size_t count,
                   const char* unit) {
  if (list.size() == 1 || list.size() == count) return;
  fail<ConfigError>("model.{} has {} entries: give one number, or {}, one a {}", key, list.size(),
                    count, unit);
}

void check_name(const ModelConfig& config) {
  const PositionConfig& position = config.position;
  if (config.name == ModelName::kViT && config.depths.size() != 1) {
    fail<ConfigError>("model.depths has {} stages, vit has one: give one entry, such as [12]",
                      config.depths.size());
  }
  if (config.pool == Pooling::kToken && config.name != ModelName::kViT) {
    fail<ConfigError>("model.pool: only vit has a token to pool from: use mean");
  }
  if (config.pool == Pooling::kToken && (position.relative || position.continuous)) {
    fail<ConfigError>(
        "model.position: a class token has no place relative to others: use absolute or sincos, or "
        "model.pool mean");
  }
  const auto shifts = [](double share) { return share > 0.0; };
  if (config.pool == Pooling::kToken &&
      std::any_of(config.token_shift.begin(), config.token_shift.end(), shifts)) {
    fail<ConfigError>("model.token_shift: a class token has no neighbours: use 0, or pool mean");
  }
  if ((position.relative && position.continuous) || (position.absolute && position.sincos)) {
    fail<ConfigError>("model.position: {} exclude each other",
                      position.relative && position.continuous ? "relative and continuous"
                                                               : "absolute and sincos");
  }
  const std::size_t pretrained = config.pretrained_window_size.size();
  if (pretrained != 0 && pretrained != config.depths.size()) {
    fail<ConfigError>(
        "model.pretrained_window_size has {} entries, model.depths {}: give one a "
        "stage",
        pretrained, config.depths.size());
  }
}

void check_patch(const ModelConfig& config) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (config.patch_size[axis] < 1 || config.window_size[axis] < 1) {
      fail<ConfigError>("model.patch_size and model.window_size must be at least 1");
    }
    if (config.patch_size[axis] > config.image_size[axis]) {
      fail<ConfigError>(
          "model.patch_size {} is larger than the image ({}): choose a patch of at most {} pixels",
          config.patch_size[axis], config.image_size[axis], config.image_size[axis]);
    }
  }
}

void check_heads(const ModelConfig& config, std::size_t stage, std::int64_t channels) {
  if (channels == 0) {
    fail<ConfigError>("model.channel_multiplier: the channels of stage {} are no whole number",
                      stage);
  }
  const std::int64_t heads = config.num_heads[stage];
  if (heads >= 1 && channels % heads == 0) return;
  std::int64_t nearest = std::clamp<std::int64_t>(heads, 1, channels);
  while (channels % nearest != 0) --nearest;
  fail<ConfigError>("model.num_heads: stage {} has {} channels, {} % {} != 0: try {} heads", stage,
                    channels, channels, heads, nearest);
}

// qkv, projection, two MLP layers; then QK^T and PV over whole windows, padding included.
std::int64_t block_macs(const ModelConfig& config, const StagePlan& stage, const WindowPlan& plan) {
  const std::int64_t c = stage.channels;
  const std::int64_t linear = stage.tokens() * c * (4 * c + 2 * mlp_hidden(config, c));
  const std::int64_t attention = 2 * plan.windows() * plan.tokens() * plan.tokens() * c;
  return linear + attention;
}

void check_problems(const std::vector<ConfigProblem>& problems) {
  if (!problems.empty()) fail<ConfigError>("model.{}", problems.front().text);
}

StagePlan plan_stage(const ModelConfig& config, std::size_t index, Size2 map,
                     std::int64_t channels) {
  check_heads(config, index, channels);
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

void plan_merging(const ModelConfig& config, const MergeShape& shape, StagePlan& stage) {
  check_problems(patch_merging_problems(config, shape));
  const PatchMergingPlan plan = make_patch_merging(config, shape)->plan();
  stage.macs += plan.macs;
  stage.merge_kept = plan.kept;
}

}  // namespace

std::vector<std::int64_t> stage_channels(const ModelConfig& config) {
  std::vector<std::int64_t> channels{config.embed_dim};
  while (channels.size() < config.depths.size()) {
    const double widened = entry_of(config.channel_multiplier, channels.size() - 1) *
                           static_cast<double>(channels.back());
    // 1.1 * 100 is 110.00000000000001.
    const bool whole = std::abs(widened - std::round(widened)) < 1e-6;
    channels.push_back(whole ? std::llround(widened) : 0);
  }
  return channels;
}

std::int64_t mlp_hidden(const ModelConfig& config, std::int64_t channels) {
  return static_cast<std::int64_t>(config.mlp_ratio * static_cast<double>(channels));
}

std::int64_t ModelPlan::macs() const {
  std::int64_t total = embed.macs + head_macs;
  for (const StagePlan& stage : stages) total += stage.macs;
  return total;
}

MergeShape merge_shape(const ModelPlan& plan, std::size_t index) {
  return {plan.stages.at(index).map, plan.stages.at(index).channels,
          plan.stages.at(index + 1).channels};
}

ModelPlan plan_model(const ModelConfig& config) {
  check_lists(config);
  check_name(config);
  check_numbers("channel_multiplier", config.channel_multiplier, config.depths.size() - 1,
                "merging");
  check_numbers("token_shift", config.token_shift, config.depths.size(), "stage");
  check_patch(config);
  check_problems(patch_embed_problems(config));
  ModelPlan plan{.embed = make_patch_embed(config)->plan()};
  Size2 map = plan.embed.map;
  if (config.pool == Pooling::kToken) map = {1, 1 + map[0] * map[1]};
  const std::vector<std::int64_t> channels = stage_channels(config);
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    plan.stages.push_back(plan_stage(config, i, map, channels[i]));
    if (i + 1 == config.depths.size()) break;
    if (map == Size2{1, 1}) {
      fail<ConfigError>(
          "model: patch_size {} at {} px leaves one token after stage {}, nothing to merge: "
          "choose a smaller patch or fewer than {} stages",
          config.patch_size[0], config.image_size[0], i, config.depths.size());
    }
    const MergeShape shape{map, channels[i], channels[i + 1]};
    plan_merging(config, shape, plan.stages.back());
    map = shape.merged();
  }
  plan.head_macs = plan.stages.back().channels * config.num_classes;
  return plan;
}

std::int64_t predict_training_bytes(const ModelConfig& config, std::int64_t parameters,
                                    std::int64_t batch, std::int64_t state_copies) {
  constexpr std::int64_t kFloat = 4;
  const ModelPlan plan = plan_model(config);
  std::int64_t kept =
      config.image_size[0] * config.image_size[1] * config.in_channels + plan.embed.kept;
  for (const StagePlan& stage : plan.stages) {
    // Kept by a block: two sums, two norms, q, k, v, attention, and the MLP before GELU.
    const std::int64_t c = stage.channels;
    kept += stage.depth * stage.tokens() * (8 * c + mlp_hidden(config, c));
    if (stage.shifted_channels > 0) kept += stage.depth * stage.tokens() * c;
    kept += stage.merge_kept;
  }
  const StagePlan& first = plan.stages.front();
  // While gradients flow: those of a sum and of q, k and v, where maps are largest.
  const std::int64_t transient = 5 * first.tokens() * first.channels;
  return kFloat * (parameters * (2 + state_copies) + batch * (kept + transient));
}

}  // namespace tessera
