#include "layers/vision_transformer.h"

#include "core/ops/class_token.h"
#include "core/ops/dropout.h"
#include "core/ops/pool.h"

namespace tessera {

VisionTransformer::VisionTransformer(const ModelConfig& config)
    : Classifier(config),
      has_token_(config.pool == Pooling::kToken),
      patch_embed_(make_patch_embed(config)),
      cls_token_({1, 1, config.embed_dim}, Init::truncated_normal(), /*decay=*/false),
      position_(config, plan_model(config).embed.map, has_token_ ? 1 : 0),
      norm_(config.embed_dim, norm_epsilon(config)),
      head_(config.embed_dim, config.num_classes) {
  const StagePlan stage = plan_model(config).stages.front();
  const std::vector<float> rates = drop_path_rates(config);
  blocks_.reserve(rates.size());
  for (std::size_t i = 0; i < rates.size(); ++i) {
    blocks_.emplace_back(config, stage, false, rates[i], static_cast<std::int64_t>(i));
  }
}

Var VisionTransformer::classify(Tape& tape, const Var& images, ModelTrace* trace) {
  Var tokens = patch_embed_->forward(tape, images);  // [B, h, w, C]
  if (has_token_) {
    tokens = ops::prepend_token(tape, tokens, tape.parameter(cls_token_));  // [B, 1, 1 + h w, C]
  }
  tokens = position_.forward(tape, tokens);
  tokens = ops::dropout(tape, tokens, static_cast<float>(config().dropout), kEmbedLane);
  ResidualStream stream{tokens, {}, {}};
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Scope scope(tape, "blocks", static_cast<std::int64_t>(i));
    stream = blocks_[i].forward(tape, stream, trace);
  }
  const auto [map, normed] = norm_.forward(tape, stream);
  if (trace != nullptr) trace->features.push_back(map);
  const Scope scope(tape, "head");
  const Var pooled = has_token_ ? ops::first_token(tape, normed) : ops::mean_pool(tape, normed);
  return head_.forward(tape, pooled);  // [B, classes]
}

void VisionTransformer::visit(ParameterVisitor& visitor) {
  visitor("patch_embed", patch_embed_);
  if (has_token_) visitor("cls_token", cls_token_);
  position_.visit(visitor, "pos_embed");
  visitor("blocks", blocks_);
  visitor("norm", norm_);
  visitor("head", head_);
}

}  // namespace tessera
