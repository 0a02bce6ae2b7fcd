#include "layers/vision_transformer.h"

#include "core/ops/dropout.h"
#include "core/ops/tokens.h"
#include "layers/patch/make_patch_layers.h"

namespace tessera {

VisionTransformer::VisionTransformer(const ModelConfig& config, const ModelPlan& plan,
                                     const StageOutputs& outputs)
    : has_token_(config.pool == Pooling::kToken),
      patch_embed_(make_patch_embed(config)),
      cls_token_({1, 1, config.embed_dim}, Init::truncated_normal(), /*decay=*/false),
      position_(config, plan.embed.map, has_token_ ? 1 : 0),
      dropout_(static_cast<float>(config.dropout)),
      norms_(config, outputs, {config.embed_dim}, static_cast<int>(plan.blocks()) + 1) {
  if (is_filling(config.head.type)) mask_.emplace(config);
  const std::vector<float> rates = drop_path_rates(config);
  blocks_.reserve(rates.size());
  for (std::size_t i = 0; i < rates.size(); ++i) {
    blocks_.emplace_back(config, plan.stages.front(), false, rates[i],
                         static_cast<std::int64_t>(i));
  }
}

std::vector<StageMap> VisionTransformer::forward(Tape& tape, const Var& images, ModelTrace* trace) {
  Var tokens = patch_embed_->forward(tape, mask_ ? mask_->cover(tape, images) : images);
  const Size2 map{tokens.dim(1), tokens.dim(2)};
  if (mask_) tokens = mask_->forward(tape, tokens, {images.dim(1), images.dim(2)});
  if (has_token_) {
    tokens = ops::prepend_token(tape, tokens, tape.parameter(cls_token_));  // [B, 1, 1 + h w, C]
  }
  tokens = position_.forward(tape, tokens, map);
  tokens = ops::dropout(tape, tokens, dropout_, kEmbedDraw);
  ResidualStream stream{tokens, {}, {}};
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Scope scope(tape, "blocks", static_cast<std::int64_t>(i));
    stream = blocks_[i].forward(tape, stream, trace);
  }
  return {norms_.forward(tape, 0, stream)};
}

void VisionTransformer::visit(ParameterVisitor& visitor) {
  visitor("patch_embed", patch_embed_);
  if (has_token_) visitor("cls_token", cls_token_);
  if (mask_) visitor("mask_token", mask_->token());
  position_.visit(visitor, "pos_embed");
  visitor("blocks", blocks_);
  norms_.visit(visitor);
}

}  // namespace tessera
