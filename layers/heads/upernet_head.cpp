#include "layers/heads/upernet_head.h"

#include <fmt/format.h>

#include "core/ops/elementwise.h"
#include "core/ops/resize.h"
#include "core/ops/tokens.h"

namespace tessera {
namespace {

std::int64_t places(Size2 size) { return size[0] * size[1]; }

template <typename List>
std::int64_t count(const List& list) {
  return static_cast<std::int64_t>(list.size());
}

}  // namespace

UperNetHead::UperNetHead(const ModelConfig& config)
    : DenseHead(config, all_stages(config), config.head.channels),
      scales_(config.head.pool_scales),
      bottleneck_(stage_channels(config).back() + count(scales_) * config.head.channels,
                  config.head.channels, 3, conv_norm_rule(config.head)),
      fuse_(count(config.depths) * config.head.channels, config.head.channels, 3,
            conv_norm_rule(config.head)) {
  const std::vector<std::int64_t> channels = stage_channels(config);
  const std::int64_t width = config.head.channels;
  const ConvNormRule rule = conv_norm_rule(config.head);
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    pools_.emplace_back(channels.back(), width, 1, rule);
  }
  for (std::size_t i = 0; i + 1 < channels.size(); ++i) {
    laterals_.emplace_back(channels[i], width, 1, rule);
    smooths_.emplace_back(width, width, 3, rule);
  }
}

std::vector<ConfigProblem> UperNetHead::problems(const ModelConfig& config) {
  std::vector<ConfigProblem> problems = DenseHead::problems(config);
  constexpr std::size_t kMost = 7;  // with the map itself the eight parts of ops::concat
  const std::size_t scales = config.head.pool_scales.size();
  if (scales < 1 || scales > kMost) {
    problems.push_back(
        {{"model.head.pool_scales"},
         fmt::format("head.pool_scales has {} entries; give 1 to {}", scales, kMost)});
  }
  return problems;
}

Var UperNetHead::pool(Tape& tape, const Var& x) {
  const Scope scope(tape, "pools");
  std::vector<Var> parts{x};
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    const Var grid = ops::adaptive_pool(tape, x, {scales_[i], scales_[i]});  // [B, s, s, C]
    parts.push_back(ops::resize(tape, pools_[i].forward(tape, grid), size_of_map(x)));
  }
  return bottleneck_.forward(tape, ops::concat(tape, parts));  // [B, h, w, D]
}

Var UperNetHead::features(Tape& tape, std::span<const StageMap> maps) {
  std::vector<Var> levels;
  for (std::size_t i = 0; i < laterals_.size(); ++i) {
    const Scope scope(tape, "laterals", static_cast<std::int64_t>(i));
    levels.push_back(laterals_[i].forward(tape, maps[i].normed));  // [B, h_i, w_i, D]
  }
  levels.push_back(pool(tape, maps[laterals_.size()].normed));
  for (std::size_t i = levels.size() - 1; i > 0; --i) {
    const Var coarse = ops::resize(tape, levels[i], size_of_map(levels[i - 1]));
    levels[i - 1] = ops::add(tape, levels[i - 1], coarse);
  }
  const Size2 finest = size_of_map(levels.front());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const Scope scope(tape, "smooths", static_cast<std::int64_t>(i));
    if (i < smooths_.size()) levels[i] = smooths_[i].forward(tape, levels[i]);
    levels[i] = ops::resize(tape, levels[i], finest);  // [B, h, w, D]
  }
  const Scope scope(tape, "fuse");
  return fuse_.forward(tape, ops::concat(tape, levels));  // [B, h, w, D]
}

HeadPlan UperNetHead::features_plan(std::span<const MapShape> maps) const {
  const Size2 finest = maps.front().map, coarsest = maps[laterals_.size()].map;
  HeadPlan plan = bottleneck_.plan(coarsest);
  plan.saved += bottleneck_.in_channels() * places(coarsest);
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    plan += pools_[i].plan({scales_[i], scales_[i]});
  }
  for (std::size_t i = 0; i < laterals_.size(); ++i) {
    plan += laterals_[i].plan(maps[i].map);
    plan += smooths_[i].plan(maps[i].map);
  }
  plan += fuse_.plan(finest);
  plan.saved += fuse_.in_channels() * places(finest);
  return plan;
}

void UperNetHead::visit_features(ParameterVisitor& visitor) {
  visitor("pools", pools_);
  visitor("bottleneck", bottleneck_);
  visitor("laterals", laterals_);
  visitor("smooths", smooths_);
  visitor("fuse", fuse_);
}

}  // namespace tessera
