// A model small enough to train within a test.
#pragma once

#include "core/ops/cross_entropy.h"
#include "layers/model.h"
#include "tests/support/gradient_check.h"

namespace tessera::test {

/// 16 x 16 pixels in 3 channels, patch 2, two stages of two blocks, 4 classes.
inline ModelConfig tiny_config() {
  ModelConfig config;
  config.image_size = {16, 16};
  config.num_classes = 4;
  config.patch_size = {2, 2};
  config.embed_dim = 16;
  config.depths = {2, 2};
  config.num_heads = {2, 4};
  config.window_size = {4, 4};
  config.drop_path = 0.0;
  return config;
}

/// The same as Swin v2.
inline ModelConfig tiny_v2_config() {
  ModelConfig config = tiny_config();
  config.name = ModelName::kSwinV2;
  config.position = {.relative = false, .continuous = true};
  return config;
}

/// The same images and patches, two blocks over all 64 tokens and a class token.
inline ModelConfig tiny_vit_config() {
  ModelConfig config = tiny_config();
  config.name = ModelName::kViT;
  config.depths = {2};
  config.num_heads = {2};
  config.patch_embed.norm = false;
  config.position = {.relative = false, .absolute = true};
  config.pool = Pooling::kToken;
  return config;
}

/// Random values everywhere, so that nothing starts as zero or as the identity.
inline void randomize(Model& model) {
  Rng rng(11, Stream::kSynthetic, 0, 0);
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    const bool norm =
        entry.name.find("norm") != std::string::npos && entry.name.ends_with("weight");
    for (float& value : entry.parameter->value.span()) {
      value = (norm ? 1.0f : 0.0f) + 0.1f * rng.normal();
    }
  }
}

inline Tensor random_images(const ModelConfig& config, std::int64_t batch) {
  return random_tensor({batch, config.image_size[0], config.image_size[1], config.in_channels}, 5);
}

/// Labels 0, 1, 2, ... modulo the classes.
inline Tensor some_labels(const ModelConfig& config, std::int64_t batch) {
  Tensor labels = Tensor::empty({batch}, DType::kI32);
  for (std::int64_t i = 0; i < batch; ++i) {
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % config.num_classes);
  }
  return labels;
}

/// Forward and backward on random images; returns the loss and leaves the gradients.
inline double train_step(Model& model, std::int64_t batch, const TapeOptions& options = {}) {
  const ModelConfig& config = model.config();
  model.parameters.clear_gradients();
  Tape tape(options);
  const Var logits = model.forward(tape, tape.constant(random_images(config, batch)))[0];
  const Var loss = ops::cross_entropy(tape, logits, some_labels(config, batch));
  tape.backward(loss);
  model.parameters.complete_gradients();
  return double{loss.value.f32()[0]};
}

/// Every parameter has a finite gradient that is not all zero.
inline void check_gradients_of(const Model& model) {
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    CAPTURE(entry.name);
    double sum = 0.0;
    for (const float g : entry.parameter->grad.span()) sum += std::abs(double{g});
    CHECK(std::isfinite(sum));
    CHECK(sum > 0.0);
  }
}

}  // namespace tessera::test
