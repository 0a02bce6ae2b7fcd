#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "layers/position_embed.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

TEST_CASE("names of ViT are timm's") {
  Model model(test::tiny_vit_config());
  const auto shape = [&](const char* name) {
    const ParameterStore::Entry* entry = model.parameters.find(name);
    REQUIRE(entry != nullptr);
    return entry->parameter->shape;
  };
  CHECK(shape("patch_embed.proj.weight") == Shape{16, 3, 2, 2});
  CHECK(shape("cls_token") == Shape{1, 1, 16});
  CHECK(shape("pos_embed") == Shape{1, 65, 16});
  CHECK(shape("blocks.1.attn.qkv.weight") == Shape{48, 16});
  CHECK(shape("blocks.0.norm1.bias") == Shape{16});
  CHECK(shape("norm.weight") == Shape{16});
  CHECK(shape("head.bias") == Shape{4});
  CHECK_FALSE(model.parameters.find("cls_token")->parameter->decay);
  CHECK_FALSE(model.parameters.find("pos_embed")->parameter->decay);

  ModelConfig config = test::tiny_vit_config();
  config.pool = Pooling::kMean;
  config.position = {.relative = false, .sincos = true};
  Model mean(config);
  CHECK(mean.parameters.find("cls_token") == nullptr);
  CHECK(mean.parameters.find("pos_embed") == nullptr);
}

TEST_CASE("without position, ViT does not see the order of patches") {
  ModelConfig config = test::tiny_vit_config();
  config.position = {.relative = false};
  const auto logits_of = [](Model& model, const Tensor& images) {
    Tape tape({.training = false});
    return model.forward(tape, tape.constant(images))[0].value;
  };
  // Rows of patches in the opposite order.
  const auto shuffled = [&](const Tensor& images) {
    Tensor other = images.clone();
    const std::int64_t row = 2 * config.image_size[1] * config.in_channels;
    for (std::int64_t i = 0; i < images.numel(); ++i) {
      other.f32()[(images.numel() / row - 1 - i / row) * row + i % row] = images.f32()[i];
    }
    return other;
  };
  const Tensor images = test::random_images(config, 1);
  Model blind(config);
  test::randomize(blind);
  CHECK(test::relative_error(logits_of(blind, shuffled(images)), logits_of(blind, images)) < 1e-4);
  for (const PositionConfig& position : {PositionConfig{.relative = false, .absolute = true},
                                         PositionConfig{.relative = false, .sincos = true}}) {
    config.position = position;
    Model seeing(config);
    test::randomize(seeing);
    CHECK(test::relative_error(logits_of(seeing, shuffled(images)), logits_of(seeing, images)) >
          1e-3);
  }
}

TEST_CASE("sines and cosines of both axes, none for the class token") {
  const Tensor table = sincos_table({3, 4}, 1, 8);
  REQUIRE(table.shape() == Shape{1, 13, 8});
  for (std::int64_t c = 0; c < 8; ++c) CHECK(table.f32()[c] == 0.0f);
  const float* const row = table.f32() + (1 + 2 * 4 + 3) * 8;  // y 2, x 3
  const double slow = std::pow(10000.0, -0.5);
  const double expected[] = {std::sin(3.0),        std::sin(3.0 * slow), std::cos(3.0),
                             std::cos(3.0 * slow), std::sin(2.0),        std::sin(2.0 * slow),
                             std::cos(2.0),        std::cos(2.0 * slow)};
  for (int c = 0; c < 8; ++c) CHECK(double{row[c]} == doctest::Approx(expected[c]).epsilon(1e-6));
  ModelConfig config = test::tiny_config();
  config.embed_dim = 6;
  config.position = {.relative = false, .sincos = true};
  REQUIRE(PositionEmbed::problems(config).size() == 1);
  CHECK(PositionEmbed::problems(config)[0].text.ends_with("got 6; try 8"));
}

}  // namespace
}  // namespace tessera
