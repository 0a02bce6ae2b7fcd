#include "layers/swin_transformer.h"

#include "core/ops/dropout.h"
#include "core/ops/pool.h"

namespace tessera {
namespace {

std::int64_t last_channels(const ModelConfig& config) {
  return plan_model(config).stages.back().channels;
}

}  // namespace

SwinTransformer::SwinTransformer(const ModelConfig& config)
    : Classifier(config),
      patch_embed_(make_patch_embed(config)),
      position_(config, plan_model(config).stages.front().map, 0),
      norm_(last_channels(config), norm_epsilon(config)),
      head_(last_channels(config), config.num_classes) {
  const ModelPlan plan = plan_model(config);
  const std::vector<float> rates = drop_path_rates(config);
  std::size_t block = 0;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const auto depth = static_cast<std::size_t>(plan.stages[i].depth);
    stages_.emplace_back(config, plan, i, std::span(rates).subspan(block, depth),
                         static_cast<std::int64_t>(block));
    block += depth;
  }
}

Var SwinTransformer::classify(Tape& tape, const Var& images, ModelTrace* trace) {
  Var tokens = position_.forward(tape, patch_embed_->forward(tape, images));  // [B, H/P, W/P, D]
  tokens = ops::dropout(tape, tokens, static_cast<float>(config().dropout), kEmbedLane);
  ResidualStream stream{tokens, {}, {}};
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const Scope scope(tape, "stages", static_cast<std::int64_t>(i));
    stream = stages_[i].forward(tape, stream, trace);
    if (i + 1 == stages_.size()) break;
    const Var map = resolve(tape, stream);
    if (trace != nullptr) trace->features.push_back(map);
    stream = {stages_[i].merge(tape, map), {}, {}};  // [B, H/2, W/2, C']
  }
  const auto [map, normed] = norm_.forward(tape, stream);  // [B, h, w, C]
  if (trace != nullptr) trace->features.push_back(map);
  const Scope scope(tape, "head");
  return head_.forward(tape, ops::mean_pool(tape, normed));  // [B, classes]
}

void SwinTransformer::visit(ParameterVisitor& visitor) {
  visitor("patch_embed", patch_embed_);
  position_.visit(visitor, "absolute_pos_embed");
  visitor("stages", stages_);
  visitor("norm", norm_);
  visitor("head", head_);
}

}  // namespace tessera
