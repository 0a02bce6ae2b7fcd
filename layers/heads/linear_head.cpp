#include "layers/heads/linear_head.h"

#include "core/ops/tokens.h"

namespace tessera {

LinearHead::LinearHead(const ModelConfig& config)
    : stage_(config.depths.size() - 1),
      pool_(config.pool),
      linear_(stage_channels(config).back(), config.num_classes) {}

std::vector<ConfigProblem> LinearHead::problems(const ModelConfig& config) {
  if (config.pool != Pooling::kToken || config.name == ModelName::kViT) return {};
  return {{{"model.pool"}, "pool token needs the class token of vit; use mean", {"model.name"}}};
}

StageOutputs LinearHead::reads() const { return {.stages = {stage_}}; }

HeadPlan LinearHead::plan(std::span<const MapShape>, Size2) const {
  return {.macs = linear_.in_features() * linear_.out_features(), .saved = linear_.in_features()};
}

std::vector<Var> LinearHead::forward(Tape& tape, std::span<const StageMap> maps, Size2) {
  const Var& map = maps[stage_].normed;
  const Var pooled =
      pool_ == Pooling::kToken ? ops::first_token(tape, map) : ops::mean_pool(tape, map);  // [B, C]
  return {linear_.forward(tape, pooled)};  // [B, classes]
}

void LinearHead::visit(ParameterVisitor& visitor) { linear_.visit(visitor); }

}  // namespace tessera
