#include "layers/swin_transformer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "layers/model.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

using test::tiny_config;

TEST_CASE("names follow the tree of layers") {
  Model model(tiny_config());
  for (const char* name : {"patch_embed.proj.weight", "patch_embed.norm.bias",
                           "stages.0.blocks.1.attn.relative_position_bias_table",
                           "stages.1.blocks.0.attn.qkv.weight", "stages.1.blocks.1.mlp.fc2.bias",
                           "stages.0.downsample.reduction.weight", "norm.weight", "head.bias"}) {
    CAPTURE(name);
    CHECK(model.parameters.find(name) != nullptr);
  }
  CHECK(model.parameters.find("stages.1.downsample.norm.weight") == nullptr);
}

TEST_CASE("initial values are the paper's") {
  Model model(tiny_config());
  model.parameters.initialize(3);
  const auto values = [&](const char* name) {
    return model.parameters.find(name)->parameter->value.span();
  };
  double sum = 0.0;
  for (const float w : values("stages.1.blocks.0.mlp.fc1.weight")) {
    CHECK(std::abs(w) <= 2.0f);
    sum += double{w} * double{w};
  }
  const auto count = static_cast<double>(values("stages.1.blocks.0.mlp.fc1.weight").size());
  // Cut at -2 and 2 and not at two sigma, as timm's and the authors' code cut it.
  CHECK(std::sqrt(sum / count) == doctest::Approx(0.02).epsilon(0.05));
  for (const float b : values("stages.0.blocks.0.attn.qkv.bias")) CHECK(b == 0.0f);
  for (const float w : values("norm.weight")) CHECK(w == 1.0f);
}

TEST_CASE("every parameter gets a finite gradient that is not zero") {
  ModelConfig config = tiny_config();
  SUBCASE("plain") {}
  SUBCASE("maps that the window does not divide, padding masked") { config.image_size = {22, 18}; }
  SUBCASE("padding that takes part, windows larger than the map") {
    config.image_size = {22, 18};
    config.window_size = {7, 7};
    config.padding = WindowPadding::kTorchvision;
    config.window_policy = WindowPolicy::kPad;
  }
  SUBCASE("rectangular patches and windows, one channel") {
    config.image_size = {24, 20};
    config.in_channels = 1;
    config.patch_size = {3, 2};
    config.window_size = {2, 5};
  }
  SUBCASE("without relative position, qkv bias and norm of the embedding") {
    config.position.relative = false;
    config.qkv_bias = false;
    config.patch_embed.norm = false;
  }
  Model model(config);
  model.parameters.initialize(1);
  CHECK(std::isfinite(test::train_step(model, 3)));
  test::check_gradients_of(model);
}

TEST_CASE("without the shift, a pixel does not leave its window") {
  ModelConfig config = tiny_config();
  config.depths = {2};
  config.num_heads = {2};
  // The token beside the first window, 4 tokens to its right, for an image with one bright pixel.
  const auto neighbour = [&](float pixel) {
    Model model(config);
    test::randomize(model);
    const Tensor images = Tensor::zeros({1, 16, 16, 3});
    images.span()[0] = pixel;
    Tape tape;
    tape.reset({.training = false});
    const Var map = model.backbone().forward(tape, tape.constant(images)).front().map;
    return map.value.f32()[4 * config.embed_dim];  // [1, 8, 8, C]
  };
  CHECK(neighbour(0.0f) != neighbour(9.0f));
  config.window_shift = false;
  CHECK(neighbour(0.0f) == neighbour(9.0f));
}

TEST_CASE("one batch can be learned by heart") {
  Model model(tiny_config());
  model.parameters.initialize(1);
  const double first = test::train_step(model, 8);
  double last = first;
  for (int step = 0; step < 60; ++step) {
    const std::span<float> values = model.parameters.values().span();
    const std::span<const float> grads = model.parameters.grads().span();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 0.5f * grads[i];
    last = test::train_step(model, 8);
  }
  CHECK(last < 0.2 * first);
}

TEST_CASE("no tensor is allocated after the second step") {
  Model model(tiny_config());
  model.parameters.initialize(1);
  for (int step = 0; step < 2; ++step) test::train_step(model, 4);
  const std::uint64_t before = Pool::global().stats().system_allocations;
  for (int step = 0; step < 5; ++step) test::train_step(model, 4);
  CHECK(Pool::global().stats().system_allocations == before);
}

TEST_CASE("the same step twice gives the same bits") {
  Model model(tiny_config());
  model.parameters.initialize(1);
  test::train_step(model, 4);
  const Tensor grads = model.parameters.grads().clone();
  test::train_step(model, 4);
  CHECK(std::equal(grads.span().begin(), grads.span().end(),
                   model.parameters.grads().span().begin()));
}

TEST_CASE("stochastic depth rises linearly over all blocks of all stages") {
  ModelConfig config;
  config.depths = {2, 3, 1};
  config.drop_path = 0.25;
  const std::vector<float> rates = drop_path_rates(config);
  REQUIRE(rates.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(rates[i] == doctest::Approx(0.05 * static_cast<double>(i)));
  }
  config.depths = {1};
  CHECK(drop_path_rates(config) == std::vector<float>{0.0f});
}

TEST_CASE("stochastic depth depends on seed and step, not on evaluation") {
  ModelConfig config = tiny_config();
  config.drop_path = 0.5;
  Model model(config);
  model.parameters.initialize(1);
  const Tensor images = test::random_images(config, 8);
  const auto logits = [&](const TapeOptions& options) {
    Tape tape(options);
    return model.forward(tape, tape.constant(images))[0].value;
  };
  const TapeOptions options{.seed = 7, .step = 3};
  CHECK(test::relative_error(logits(options), logits(options)) == 0.0);
  CHECK(test::relative_error(logits(options), logits({.seed = 7, .step = 4})) > 0.0);
  CHECK(test::relative_error(logits({.training = false}), logits({.training = false, .step = 9})) ==
        0.0);
}

TEST_CASE("bf16 activations stay near f32") {
  const ModelConfig config = tiny_config();
  Model model(config);
  model.parameters.initialize(1);
  const Tensor images = test::random_images(config, 4);
  Tape tape({.training = false});
  const Tensor full = model.forward(tape, tape.constant(images))[0].value;
  const Tensor low = model.forward(tape, tape.constant(cast(images, DType::kBF16)))[0].value;
  CHECK(low.dtype() == DType::kBF16);
  CHECK(test::relative_error(cast(low, DType::kF32), full) < 0.05);
}

}  // namespace
}  // namespace tessera
