#include "layers/linear_patch_embed.h"

#include "core/ops/linear.h"
#include "core/ops/space_to_depth.h"

namespace tessera {

LinearPatchEmbed::LinearPatchEmbed(const ModelConfig& config)
    : image_(config.image_size),
      patch_(config.patch_size),
      proj_(config.in_channels, config.embed_dim, patch_, {.stride = patch_}) {
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, norm_epsilon(config));
}

PatchEmbedPlan LinearPatchEmbed::plan() const {
  const Size2 map = proj_.output(image_);
  const std::int64_t gathered = proj_.weight().shape.numel() / proj_.out_channels();
  return {.map = map,
          .unused_pixels = proj_.unused(image_),
          .macs = proj_.macs(image_),
          .kept = map[0] * map[1] * (gathered + (norm_ ? proj_.out_channels() : 0))};
}

Var LinearPatchEmbed::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  const Var patches = ops::space_to_depth(tape, images, patch_,
                                          ops::BlockOrder::kChannelMajor);  // [B, h, w, C Ph Pw]
  Var weight = tape.parameter(proj_.weight());  // [D, C, Ph, Pw], read as [D, C Ph Pw]
  weight.value = weight.value.reshape({weight.dim(0), patches.dim(-1)});
  const Var tokens =
      ops::linear(tape, patches, weight, tape.parameter(proj_.bias()));  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void LinearPatchEmbed::visit(ParameterVisitor& visitor) {
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
