#include "layers/linear_patch_embed.h"

#include <cmath>

#include "core/ops/linear.h"
#include "core/ops/space_to_depth.h"

namespace tessera {
namespace {

// PyTorch's default for convolutions, which Swin leaves as it is: U(-1/sqrt(fan_in),
// 1/sqrt(fan_in)).
Init conv_init(const ModelConfig& config) {
  const std::int64_t fan_in = config.in_channels * config.patch_size[0] * config.patch_size[1];
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(fan_in)));
}

}  // namespace

LinearPatchEmbed::LinearPatchEmbed(const ModelConfig& config)
    : patch_(config.patch_size),
      proj_{{{config.embed_dim, config.in_channels, patch_[0], patch_[1]},
             conv_init(config),
             /*decay=*/true},
            {{config.embed_dim}, conv_init(config), /*decay=*/false}} {
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, norm_epsilon(config));
}

Var LinearPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var patches = ops::space_to_depth(tape, images, patch_,
                                          ops::BlockOrder::kChannelMajor);  // [B, h, w, C Ph Pw]
  Var weight = tape.parameter(proj_.weight);
  weight.value = weight.value.reshape({proj_.weight.shape[0], patches.dim(-1)});
  const Var tokens =
      ops::linear(tape, patches, weight, tape.parameter(proj_.bias));  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void LinearPatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

void LinearPatchEmbed::Projection::visit(ParameterVisitor& visitor) {
  visitor("weight", weight);
  visitor("bias", bias);
}

}  // namespace tessera
