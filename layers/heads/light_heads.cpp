#include "layers/heads/light_heads.h"

#include <utility>

#include "core/ops/elementwise.h"
#include "core/ops/resize.h"
#include "core/ops/tokens.h"

namespace tessera {

std::int64_t fcn_convs(const HeadConfig& config) {
  return config.convs == kAutoConvs ? 1 : config.convs;
}

FcnHead::FcnHead(const ModelConfig& config)
    : FcnHead(config, ConvRow(stage_channels(config).back(), config.head.channels,
                              fcn_convs(config.head), conv_norm_rule(config.head))) {}

FcnHead::FcnHead(const ModelConfig& config, ConvRow row)
    : DenseHead(config, {config.depths.size() - 1}, row.out_channels()),
      stage_(config.depths.size() - 1),
      row_(std::move(row)) {}

Var FcnHead::features(Tape& tape, std::span<const StageMap> maps) {
  return row_.forward(tape, maps[stage_].normed);
}

HeadPlan FcnHead::features_plan(std::span<const MapShape> maps) const {
  return row_.plan(maps[stage_].map);
}

FpnHead::FpnHead(const ModelConfig& config)
    : DenseHead(config, all_stages(config), config.head.channels) {
  const std::int64_t width = config.head.channels;
  const ConvNormRule rule = conv_norm_rule(config.head);
  for (const std::int64_t channels : stage_channels(config)) {
    projections_.emplace_back(channels, width, 1, rule);
  }
  if (config.head.join == LevelJoin::kConcat) {
    fuse_.emplace(static_cast<std::int64_t>(config.depths.size()) * width, width, 1, rule);
  }
}

Var FpnHead::features(Tape& tape, std::span<const StageMap> maps) {
  const Size2 finest = size_of_map(maps.front().normed);
  std::vector<Var> levels;
  for (std::size_t i = 0; i < projections_.size(); ++i) {
    const Scope scope(tape, "projections", static_cast<std::int64_t>(i));
    const Var level = projections_[i].forward(tape, maps[i].normed);  // [B, h_i, w_i, D]
    levels.push_back(ops::resize(tape, level, finest));               // [B, h, w, D]
  }
  const Scope scope(tape, "fuse");
  if (fuse_) return fuse_->forward(tape, ops::concat(tape, levels));  // [B, h, w, D]
  Var sum = levels.front();
  for (std::size_t i = 1; i < levels.size(); ++i) sum = ops::add(tape, sum, levels[i]);
  return sum;
}

HeadPlan FpnHead::features_plan(std::span<const MapShape> maps) const {
  const Size2 finest = maps.front().map;
  HeadPlan plan;
  for (std::size_t i = 0; i < projections_.size(); ++i) plan += projections_[i].plan(maps[i].map);
  if (!fuse_) return plan;
  plan += fuse_->plan(finest);
  plan.saved += fuse_->in_channels() * finest[0] * finest[1];
  return plan;
}

void FpnHead::visit_features(ParameterVisitor& visitor) {
  visitor("projections", projections_);
  if (fuse_) visitor("fuse", *fuse_);
}

}  // namespace tessera
