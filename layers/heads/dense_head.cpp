#include "layers/heads/dense_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace tessera {
namespace {

// The addresses at which dropout draws, away from those of the blocks.
constexpr std::uint32_t kMainDraw = 0xfff0u, kAuxiliaryDraw = 0xfff1u;

}  // namespace

ConvRow::ConvRow(std::int64_t in_channels, std::int64_t channels, std::int64_t count,
                 const ConvNormRule& rule)
    : out_channels_(count > 0 ? channels : in_channels) {
  for (std::int64_t i = 0; i < count; ++i) {
    convs_.emplace_back(i == 0 ? in_channels : channels, channels, 3, rule);
  }
}

Var ConvRow::forward(Tape& tape, const Var& x) {
  Var y = x;
  for (ConvNorm& conv : convs_) y = conv.forward(tape, y);
  return y;
}

HeadPlan ConvRow::plan(Size2 size) const {
  HeadPlan plan;
  for (const ConvNorm& conv : convs_) plan += conv.plan(size);
  return plan;
}

AuxiliaryHead::AuxiliaryHead(const ModelConfig& config)
    : stage_(auxiliary_stage(config)),
      row_(stage_channels(config).at(stage_), config.head.auxiliary.channels,
           config.head.auxiliary.convs, conv_norm_rule(config.head)),
      classifier_(row_.out_channels(), config.num_classes, config.head.dropout, kAuxiliaryDraw) {}

Var AuxiliaryHead::forward(Tape& tape, std::span<const StageMap> maps) {
  const Scope scope(tape, "auxiliary");
  return classifier_.forward(tape, row_.forward(tape, maps[stage_].normed));
}

HeadPlan AuxiliaryHead::plan(std::span<const MapShape> maps) const {
  HeadPlan plan = row_.plan(maps[stage_].map);
  plan += classifier_.plan(maps[stage_].map);
  return plan;
}

void AuxiliaryHead::visit(ParameterVisitor& visitor) {
  row_.visit(visitor);
  visitor("classifier", classifier_);
}

DenseHead::DenseHead(const ModelConfig& config, std::vector<std::size_t> stages,
                     std::int64_t channels)
    : stages_(std::move(stages)),
      classifier_(channels, config.num_classes, config.head.dropout, kMainDraw) {
  if (config.head.auxiliary.on) auxiliary_.emplace(config);
}

std::vector<ConfigProblem> DenseHead::problems(const ModelConfig& config) {
  std::vector<ConfigProblem> problems;
  const std::size_t stages = config.depths.size();
  if (config.head.auxiliary.on && auxiliary_stage(config) >= stages) {
    problems.push_back({{"model.head.auxiliary.stage", "model.depths"},
                        fmt::format("head.auxiliary.stage {}: the model has {}; use auto, or "
                                    "auxiliary: none",
                                    config.head.auxiliary.stage,
                                    stages == 1 ? std::string("stage 0 only")
                                                : fmt::format("stages 0 to {}", stages - 1))});
  }
  if (config.pool == Pooling::kToken) {
    problems.push_back(
        {{"model.pool", "model.head.type"}, "pool token is for head linear; use mean"});
  }
  return problems;
}

StageOutputs DenseHead::reads() const {
  StageOutputs outputs{.stages = stages_, .norm_each = true};
  if (auxiliary_ && !std::ranges::binary_search(stages_, auxiliary_->stage())) {
    outputs.stages.push_back(auxiliary_->stage());
    std::ranges::sort(outputs.stages);
  }
  return outputs;
}

HeadPlan DenseHead::plan(std::span<const MapShape> maps, Size2 image) const {
  HeadPlan plan = features_plan(maps);
  plan += classifier_.plan(maps[stages_.front()].map);
  // A loss of pixels keeps logits of the size of the image, and their gradient.
  const std::int64_t enlarged = 2 * image[0] * image[1] * classifier_.classes();
  plan.saved += auxiliary_ ? 2 * enlarged : enlarged;
  if (auxiliary_) {
    const HeadPlan auxiliary = auxiliary_->plan(maps);
    plan.macs += auxiliary.macs;
    plan.auxiliary_macs += auxiliary.macs;
    plan.saved += auxiliary.saved;
  }
  return plan;
}

std::vector<Var> DenseHead::forward(Tape& tape, std::span<const StageMap> maps, Size2) {
  std::vector<Var> outputs{classifier_.forward(tape, features(tape, maps))};  // [B, h, w, K]
  if (auxiliary_ && tape.training()) outputs.push_back(auxiliary_->forward(tape, maps));
  return outputs;
}

void DenseHead::visit(ParameterVisitor& visitor) {
  visit_features(visitor);
  visitor("classifier", classifier_);
  if (auxiliary_) visitor("auxiliary", *auxiliary_);
}

std::size_t auxiliary_stage(const ModelConfig& config) {
  const std::int64_t stage = config.head.auxiliary.stage;
  if (stage != kAutoStage) return static_cast<std::size_t>(stage);
  return std::max<std::size_t>(config.depths.size(), 2) - 2;
}

ConvNormRule conv_norm_rule(const HeadConfig& config) { return {.norm = config.norm}; }

std::vector<std::size_t> all_stages(const ModelConfig& config) {
  std::vector<std::size_t> stages(config.depths.size());
  std::iota(stages.begin(), stages.end(), std::size_t{0});
  return stages;
}

}  // namespace tessera
