// What every patch embedding must get right.
#pragma once

#include <cmath>

#include "layers/patch/make_patch_layers.h"
#include "tests/support/layer_check.h"
#include "tests/support/tiny_model.h"

namespace tessera::test {

/// An embedding to be checked, 8 channels wide.
inline ModelConfig embed_config(PatchEmbedType type, Size2 image, Size2 patch,
                                std::int64_t channels, bool norm = true) {
  ModelConfig config = tiny_config();
  config.patch_embed.type = type;
  config.patch_embed.norm = norm;
  config.image_size = image;
  config.patch_size = patch;
  config.in_channels = channels;
  config.embed_dim = 8;
  return config;
}

/// Result and gradients of the embedding of `config`; that its plan tells the map that comes out
/// and the multiply-adds of the products that ran.
inline void check_embed(const ModelConfig& config, const Reference& reference) {
  CAPTURE(config.image_size[0]);
  CAPTURE(config.image_size[1]);
  CAPTURE(config.patch_size[0]);
  CAPTURE(config.patch_size[1]);
  CAPTURE(config.in_channels);
  REQUIRE(patch_embed_problems(config).empty());
  const auto embed = make_patch_embed(config);
  check_layer(*embed, random_images(config, 2), reference);
  ParameterStore store(*embed);
  Profile profile;
  Tape tape({.training = false, .profile = &profile});
  const Var tokens = embed->forward(tape, tape.constant(random_images(config, 1)));
  const PatchEmbedPlan plan = embed->plan(config.image_size);
  CHECK(tokens.shape() == Shape{1, plan.map[0], plan.map[1], config.embed_dim});
  double flops = 0.0;
  for (const auto& [name, entry] : profile.entries()) {
    if (name == "linear" || name == "conv2d") flops += entry.flops;
  }
  CHECK(2 * plan.macs == std::llround(flops));
}

}  // namespace tessera::test
