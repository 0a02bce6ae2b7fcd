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

void check_patch_embed(const ModelConfig& config) {
  const std::vector<ConfigProblem> problems = patch_embed_problems(config);
  if (!problems.empty()) fail<ConfigError>("model.{}", problems.front().text);
}

}  // namespace

std::int64_t mlp_hidden(const ModelConfig& config, std::int64_t channels) {
  return static_cast<std::int64_t>(config.mlp_ratio * static_cast<double>(channels));
}

std::int64_t ModelPlan::macs() const {
  std::int64_t total = embed.macs + head_macs;
  for (const StagePlan& stage : stages) total += stage.macs;
  return total;
}

ModelPlan plan_model(const ModelConfig& config) {
  check_lists(config);
  check_name(config);
  check_patch(config);
  check_patch_embed(config);
  ModelPlan plan{.embed = make_patch_embed(config)->plan()};
  Size2 map = plan.embed.map;
  if (config.pool == Pooling::kToken) map = {1, 1 + map[0] * map[1]};
  std::int64_t channels = config.embed_dim;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    check_heads(config, i, channels);
    StagePlan stage{.map = map,
                    .channels = channels,
                    .num_heads = config.num_heads[i],
                    .depth = config.depths[i],
                    .windows = plan_windows(config, map, false),
                    .shifted_windows = plan_windows(config, map, true)};
    if (!config.pretrained_window_size.empty()) {
      stage.pretrained_window = config.pretrained_window_size[i];
    }
    for (std::int64_t block = 0; block < stage.depth; ++block) {
      stage.macs +=
          block_macs(config, stage, block % 2 == 0 ? stage.windows : stage.shifted_windows);
    }
    if (i + 1 < config.depths.size()) {
      if (map == Size2{1, 1}) {
        fail<ConfigError>(
            "model: patch_size {} at {} px leaves one token after stage {}, nothing to merge: "
            "choose a smaller patch or fewer than {} stages",
            config.patch_size[0], config.image_size[0], i, config.depths.size());
      }
      map = {(map[0] + 1) / 2, (map[1] + 1) / 2};
      stage.macs += map[0] * map[1] * 8 * channels * channels;
      channels *= 2;
    }
    plan.stages.push_back(stage);
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
    kept += stage.tokens() * 2 * c;  // merging: gathered and normalised
  }
  const StagePlan& first = plan.stages.front();
  // While gradients flow: those of a sum and of q, k and v, where maps are largest.
  const std::int64_t transient = 5 * first.tokens() * first.channels;
  return kFloat * (parameters * (2 + state_copies) + batch * (kept + transient));
}

}  // namespace tessera
