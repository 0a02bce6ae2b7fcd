#include "layers/swin_transformer.h"

#include <span>

#include "core/ops/dropout.h"
#include "layers/patch/make_patch_layers.h"

namespace tessera {

SwinTransformer::SwinTransformer(const ModelConfig& config, const ModelPlan& plan,
                                 const StageOutputs& outputs)
    : patch_embed_(make_patch_embed(config)),
      position_(config, plan.embed.map, 0),
      dropout_(static_cast<float>(config.dropout)),
      norms_(config, outputs, stage_channels(config), static_cast<int>(plan.blocks()) + 1) {
  if (is_filling(config.head.type)) mask_.emplace(config);
  const std::vector<float> rates = drop_path_rates(config);
  std::size_t block = 0;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const auto depth = static_cast<std::size_t>(plan.stages[i].depth);
    stages_.emplace_back(config, plan, i, std::span(rates).subspan(block, depth),
                         static_cast<std::int64_t>(block));
    block += depth;
  }
}

std::vector<StageMap> SwinTransformer::forward(Tape& tape, const Var& images, ModelTrace* trace) {
  const Var seen = mask_ ? mask_->cover(tape, images) : images;
  Var embedded = patch_embed_->forward(tape, seen);  // [B, H/P, W/P, D]
  if (mask_) embedded = mask_->forward(tape, embedded, {images.dim(1), images.dim(2)});
  Var tokens = position_.forward(tape, embedded, {embedded.dim(1), embedded.dim(2)});
  tokens = ops::dropout(tape, tokens, dropout_, kEmbedDraw);
  std::vector<StageMap> maps;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const Scope scope(tape, "stages", static_cast<std::int64_t>(i));
    const ResidualStream stream = stages_[i].forward(tape, {tokens, {}, {}}, trace);
    maps.push_back(norms_.forward(tape, i, stream));  // [B, h, w, C]
    if (i + 1 < stages_.size()) {
      tokens = stages_[i].merge(tape, maps.back().map);  // [B, h/2, w/2, C']
    }
  }
  return maps;
}

void SwinTransformer::visit(ParameterVisitor& visitor) {
  visitor("patch_embed", patch_embed_);
  if (mask_) visitor("mask_token", mask_->token());
  position_.visit(visitor, "absolute_pos_embed");
  visitor("stages", stages_);
  norms_.visit(visitor);
}

}  // namespace tessera
