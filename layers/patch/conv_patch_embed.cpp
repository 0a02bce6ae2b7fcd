#include "layers/patch/conv_patch_embed.h"

namespace tessera {

ConvPatchEmbed::ConvPatchEmbed(const ModelConfig& config, Size2 kernel,
                               const ops::Conv2dConfig& conv)
    : image_(config.image_size), proj_(config.in_channels, config.embed_dim, kernel, conv) {
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, norm_epsilon(config));
}

PatchEmbedPlan ConvPatchEmbed::plan() const {
  const Size2 map = proj_.output(image_);
  return {.map = map,
          .unused_pixels = proj_.unused(image_),
          .macs = proj_.macs(image_),
          .kept = norm_ ? map[0] * map[1] * proj_.out_channels() : 0};
}

Var ConvPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var tokens = proj_.forward(tape, images);  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void ConvPatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
