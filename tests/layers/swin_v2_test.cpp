#include <doctest/doctest.h>

#include <cmath>

#include "layers/position_embed.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

using test::tiny_v2_config;

TEST_CASE("names of Swin v2 are those of the authors' code") {
  Model model(tiny_v2_config());
  const auto shape = [&](const char* name) {
    const ParameterStore::Entry* entry = model.parameters.find(name);
    REQUIRE(entry != nullptr);
    return entry->parameter->shape;
  };
  CHECK(shape("stages.1.blocks.0.attn.logit_scale") == Shape{4, 1, 1});
  CHECK(shape("stages.0.blocks.1.attn.cpb_mlp.0.weight") == Shape{512, 2});
  CHECK(shape("stages.0.blocks.1.attn.cpb_mlp.0.bias") == Shape{512});
  CHECK(shape("stages.0.blocks.1.attn.cpb_mlp.2.weight") == Shape{2, 512});
  CHECK(shape("stages.0.downsample.norm.weight") == Shape{32});
  CHECK(model.parameters.find("stages.0.blocks.1.attn.cpb_mlp.2.bias") == nullptr);
  CHECK(model.parameters.find("stages.0.blocks.1.attn.relative_position_bias_table") == nullptr);
}

TEST_CASE("blocks of Swin v2 start as the identity with cosines times ten") {
  Model model(tiny_v2_config());
  model.parameters.initialize(1);
  const auto& entries = model.parameters.entries();
  for (const ParameterStore::Entry& entry : entries) {
    CAPTURE(entry.name);
    const float first = entry.parameter->value.f32()[0];
    if (entry.name.ends_with("logit_scale")) CHECK(first == std::log(10.0f));
    if (entry.name.find("blocks") == std::string::npos) continue;
    if (entry.name.ends_with("norm1.weight") || entry.name.ends_with("norm2.weight")) {
      CHECK(first == 0.0f);
    }
  }
  CHECK(model.parameters.find("norm.weight")->parameter->value.f32()[0] == 1.0f);
}

TEST_CASE("neither position nor the scale of cosines decays") {
  ModelConfig config = tiny_v2_config();
  config.position.absolute = true;
  Model model(config);
  int found = 0;
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    for (const char* part : {"cpb_mlp", "logit_scale", "absolute_pos_embed"}) {
      if (entry.name.find(part) == std::string::npos) continue;
      ++found;
      CHECK_FALSE(entry.parameter->decay);
    }
  }
  CHECK(found == 4 * 4 + 1);
  CHECK(model.parameters.find("stages.0.blocks.0.attn.qkv.weight")->parameter->decay);
}

TEST_CASE("a bias of the keys changes nothing and gets no gradient") {
  const ModelConfig config = tiny_v2_config();
  Model model(config);
  test::randomize(model);
  const double loss = test::train_step(model, 2);
  Parameter& bias = *model.parameters.find("stages.0.blocks.0.attn.qkv.bias")->parameter;
  const std::span<float> keys = bias.value.span().subspan(16, 16);
  for (const float g : bias.grad.span().subspan(16, 16)) CHECK(g == 0.0f);
  for (float& value : keys) value += 3.0f;
  CHECK(test::train_step(model, 2) == loss);
  bias.value.f32()[0] += 3.0f;  // that of a query does
  CHECK(test::train_step(model, 2) != loss);
}

// Bias of head 0 between tokens, by the formula of the paper.
double bias_of(const ParameterStore& parameters, double dy, double dx, double far) {
  const auto spaced = [far](double d) {
    return std::copysign(std::log2(1.0 + 8.0 * std::abs(d) / far) / std::log2(8.0), d);
  };
  const auto value = [&](const char* name) {
    return parameters.find(name)->parameter->value.f32();
  };
  double sum = 0.0;
  for (std::int64_t i = 0; i < 512; ++i) {
    const double hidden = double{value("0.weight")[2 * i]} * spaced(dy) +
                          double{value("0.weight")[2 * i + 1]} * spaced(dx) +
                          double{value("0.bias")[i]};
    sum += double{value("2.weight")[i]} * std::max(hidden, 0.0);
  }
  return 16.0 / (1.0 + std::exp(-sum));
}

TEST_CASE("continuous position bias follows its formula, measured by the window or another") {
  for (const std::int64_t pretrained : {0, 9}) {
    CAPTURE(pretrained);
    ContinuousPositionBias layer({2, 3}, pretrained, 2);
    ParameterStore parameters(layer);
    Rng rng(3, Stream::kSynthetic, 0, 0);
    for (float& value : parameters.values().span()) value = 0.3f * rng.normal();
    Tape tape({.training = false});
    const Tensor bias = layer.forward(tape, {2, 3}).value;
    REQUIRE(bias.shape() == Shape{2, 6, 6});
    const auto scaled = [&](double d, double window) {
      return pretrained > 0 ? d : d * double{8} / (window - 1.0);  // both over 9 - 1
    };
    for (std::int64_t q = 0; q < 6; ++q) {
      for (std::int64_t k = 0; k < 6; ++k) {
        const auto dy = static_cast<double>(q / 3 - k / 3);
        const auto dx = static_cast<double>(q % 3 - k % 3);
        CHECK(double{bias.f32()[q * 6 + k]} ==
              doctest::Approx(bias_of(parameters, scaled(dy, 2.0), scaled(dx, 3.0), 8.0))
                  .epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("a window of one token has no offsets to measure, and no NaN") {
  ContinuousPositionBias layer({1, 4}, 0, 3);
  ParameterStore parameters(layer);
  parameters.initialize(1);
  Tape tape({.training = false});
  const Var bias = layer.forward(tape, {1, 4});
  for (const float value : bias.value.span()) CHECK(std::isfinite(value));
}

}  // namespace
}  // namespace tessera
