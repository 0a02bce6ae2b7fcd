#include "layers/heads/fcos_head.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "layers/patch/conv_patch_embed.h"

namespace tessera {
namespace {

constexpr std::int64_t kExtraLevels = 2;  // P6 and P7 of the paper
constexpr float kInitStd = 0.01f;
constexpr float kPrior = 0.01f;  // of a class at a place before training, arXiv:1708.02002

/// Pixels from a token of the first stage to the next.
Size2 token_stride(const ModelConfig& config) {
  return config.patch_embed.type == PatchEmbedType::kSliding ? patch_rule(config).stride
                                                             : config.patch_size;
}

/// Strides of the stages.
std::vector<std::int64_t> stage_strides(const ModelConfig& config) {
  std::vector<std::int64_t> strides;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    strides.push_back(i == 0 ? token_stride(config)[0] : 2 * strides.back());
  }
  return strides;
}

std::vector<std::int64_t> automatic_levels(const std::vector<std::int64_t>& stages) {
  std::vector<std::int64_t> levels(stages.begin() + (stages.size() > 1 ? 1 : 0), stages.end());
  for (std::int64_t i = 0; i < kExtraLevels; ++i) levels.push_back(2 * levels.back());
  return levels;
}

std::vector<ConvNorm> make_tower(const HeadConfig& config) {
  constexpr std::int64_t kConvs = 4;
  std::vector<ConvNorm> tower;
  for (std::int64_t i = 0; i < (config.convs == kAutoConvs ? kConvs : config.convs); ++i) {
    tower.emplace_back(config.channels, config.channels, 3,
                       ConvNormRule{.groups = config.fcos.groups, .bias = true});
    tower.back().conv().weight().init = Init::truncated_normal(kInitStd);
    tower.back().conv().bias().init = Init::zeros();
  }
  return tower;
}

Conv2d make_output(std::int64_t channels, std::int64_t outputs, float bias = 0.0f) {
  Conv2d conv(channels, outputs, {3, 3}, {.zeros = {1, 1}});
  conv.weight().init = Init::truncated_normal(kInitStd);
  conv.bias().init = Init::constant(bias);
  return conv;
}

std::vector<std::int64_t> channels_of(const ModelConfig& config, const FcosLevels& levels) {
  std::vector<std::int64_t> channels;
  for (const std::size_t stage : levels.stages) {
    channels.push_back(stage_channels(config).at(stage));
  }
  return channels;
}

/// Why these strides are no levels; empty if they are.
std::string level_problem(const ModelConfig& config) {
  const std::vector<std::int64_t>& levels = config.head.fcos.levels;
  const std::vector<std::int64_t> stages = stage_strides(config);
  if (std::ranges::find(stages, levels.front()) == stages.end()) {
    return fmt::format("head.levels [{}] begin at no stage: the stages have strides {}",
                       fmt::join(levels, ", "), fmt::join(stages, ", "));
  }
  for (std::size_t i = 1; i < levels.size(); ++i) {
    if (levels[i] == 2 * levels[i - 1]) continue;
    return fmt::format(
        "head.levels [{}]: {} is not twice {}, as each stride must be of the one "
        "before",
        fmt::join(levels, ", "), levels[i], levels[i - 1]);
  }
  return {};
}

}  // namespace

FcosLevels fcos_levels(const ModelConfig& config) {
  const FcosConfig& fcos = config.head.fcos;
  const std::vector<std::int64_t> stages = stage_strides(config);
  FcosLevels levels{.strides = fcos.levels.empty() ? automatic_levels(stages) : fcos.levels,
                    .stages = {},
                    .bounds = fcos.ranges};
  for (const std::int64_t stride : levels.strides) {
    const auto found = std::ranges::find(stages, stride);
    if (found == stages.end()) {
      ++levels.extra;
    } else {
      levels.stages.push_back(static_cast<std::size_t>(found - stages.begin()));
    }
  }
  for (std::size_t i = 0; i + 1 < levels.count() && fcos.ranges.empty(); ++i) {
    levels.bounds.push_back(8.0 * static_cast<double>(levels.strides[i]));
  }
  return levels;
}

FcosHead::FcosHead(const ModelConfig& config)
    : levels_(fcos_levels(config)),
      pyramid_(channels_of(config, levels_), config.head.channels, levels_.extra),
      class_tower_(make_tower(config.head)),
      box_tower_(make_tower(config.head)),
      logits_(make_output(config.head.channels, config.num_classes,
                          -std::log((1.0f - kPrior) / kPrior))),
      distances_(make_output(config.head.channels, 4)),
      centreness_(make_output(config.head.channels, 1)) {
  for (std::size_t i = 0; i < levels_.count() && config.head.fcos.level_scales; ++i) {
    scales_.emplace_back(Shape{1}, Init::ones(), /*decay_=*/false);
  }
}

std::vector<ConfigProblem> FcosHead::problems(const ModelConfig& config) {
  const FcosConfig& fcos = config.head.fcos;
  std::vector<ConfigProblem> problems;
  if (config.pool == Pooling::kToken) {
    problems.push_back(
        {{"model.pool", "model.head.type"}, "pool token leaves fcos no map: use pool mean"});
  }
  if (fcos.groups < 1 || config.head.channels % fcos.groups != 0) {
    problems.push_back(
        {{"model.head.groups", "model.head.channels"},
         fmt::format("head.channels {} % head.groups {} != 0", config.head.channels, fcos.groups)});
  }
  const Size2 stride = token_stride(config);
  if (stride[0] != stride[1]) {
    problems.push_back(
        {{"model.patch_size", "model.head.type"},
         fmt::format("fcos needs tokens as far apart in height as in width, not {}", by(stride))});
    return problems;
  }
  if (!fcos.levels.empty()) {
    if (const std::string problem = level_problem(config); !problem.empty()) {
      problems.push_back({{"model.head.levels", "model.patch_size", "model.depths"}, problem});
      return problems;
    }
  }
  const std::size_t bounds = fcos_levels(config).count() - 1;
  if (!fcos.ranges.empty() && fcos.ranges.size() != bounds) {
    problems.push_back({{"model.head.ranges", "model.head.levels"},
                        fmt::format("head.ranges has {} bounds; {} levels have {} between them",
                                    fcos.ranges.size(), bounds + 1, bounds)});
  }
  if (!std::ranges::is_sorted(fcos.ranges, std::ranges::less_equal{})) {
    problems.push_back({{"model.head.ranges"},
                        fmt::format("head.ranges [{}] do not rise", fmt::join(fcos.ranges, ", "))});
  }
  return problems;
}

std::vector<Var> FcosHead::pyramid(Tape& tape, std::span<const StageMap> maps) {
  std::vector<Var> read;
  for (const std::size_t stage : levels_.stages) read.push_back(maps[stage].normed);
  return pyramid_.forward(tape, read);
}

std::vector<Var> FcosHead::forward(Tape& tape, std::span<const StageMap> maps, Size2) {
  std::vector<Var> outputs;
  const std::vector<Var> levels = pyramid(tape, maps);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    Var classes = levels[i], boxes = levels[i];
    for (ConvNorm& conv : class_tower_) classes = conv.forward(tape, classes);  // [B, h, w, C]
    for (ConvNorm& conv : box_tower_) boxes = conv.forward(tape, boxes);
    outputs.push_back(logits_.forward(tape, classes));  // [B, h, w, K]
    const Var scale = scales_.empty() ? Var{} : tape.parameter(scales_[i]);
    outputs.push_back(ops::scaled_relu(tape, distances_.forward(tape, boxes), scale,
                                       static_cast<float>(levels_.strides[i])));  // [B, h, w, 4]
    outputs.push_back(centreness_.forward(tape, boxes));                          // [B, h, w, 1]
  }
  return outputs;
}

HeadPlan FcosHead::plan(std::span<const MapShape> maps, Size2) const {
  std::vector<Size2> read;
  for (const std::size_t stage : levels_.stages) read.push_back(maps[stage].map);
  HeadPlan plan = pyramid_.plan(read);
  for (const Size2& size : pyramid_.sizes(read)) {
    for (const auto* tower : {&class_tower_, &box_tower_}) {
      for (const ConvNorm& conv : *tower) {
        plan.macs += conv.plan(size).macs;
        plan.saved += conv.plan(size).saved;
      }
    }
    for (const Conv2d* conv : {&logits_, &distances_, &centreness_}) {
      plan.macs += conv->macs(size);
      plan.saved += size[0] * size[1] * conv->out_channels();
    }
  }
  return plan;
}

void FcosHead::visit(ParameterVisitor& visitor) {
  visitor("pyramid", pyramid_);
  visitor("class_tower", class_tower_);
  visitor("box_tower", box_tower_);
  visitor("logits", logits_);
  visitor("distances", distances_);
  visitor("centreness", centreness_);
  visitor("scales", scales_);
}

}  // namespace tessera
