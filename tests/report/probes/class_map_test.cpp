#include "report/probes/class_map.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/gradient_check.h"
#include "tests/support/tiny_model.h"

namespace tessera::report {
namespace {

void freeze(Model& model) {
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    entry.parameter->frozen = true;
  }
}

TEST_CASE("class maps: what the tokens add to a logit, and nothing below zero") {
  const ModelConfig config = test::tiny_config();
  Model model(config);
  test::randomize(model);
  freeze(model);
  const Tensor image = test::random_images(config, 1);
  const std::vector<Tensor> maps = class_maps(model, image, {0, 3});
  REQUIRE(maps.size() == 2);
  CHECK(maps[0].shape() == Shape{4, 4});

  // With the mean over the map, the gradient of logit k is the row of the head's matrix over the
  // number of tokens: class activation mapping.
  Tape tape({.training = false});
  const Tensor last =
      model.backbone().forward(tape, tape.constant(image)).back().normed.value;  // [1, 4, 4, 32]
  const ParameterStore::Entry* weight = nullptr;
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    if (entry.name == "head.weight") weight = &entry;
  }
  REQUIRE(weight != nullptr);
  const float* w = weight->parameter->value.f32();  // [K, C]
  for (const std::int64_t k : {0, 3}) {
    for (std::int64_t token = 0; token < 16; ++token) {
      double sum = 0.0;
      for (std::int64_t c = 0; c < 32; ++c) {
        sum += double{w[k * 32 + c]} * double{last.f32()[token * 32 + c]} / 16.0;
      }
      const Tensor& map = maps[k == 0 ? 0 : 1];
      CHECK(double{map.f32()[token]} == doctest::Approx(std::max(0.0, sum)).epsilon(1e-4));
    }
  }
}

TEST_CASE("rollout: even attention leaves every patch its share") {
  ModelConfig config = test::tiny_vit_config();
  for (const Pooling pool : {Pooling::kToken, Pooling::kMean}) {
    config.pool = pool;
    Model model(config);  // parameters of zeros: attention is even
    ModelTrace trace;
    Tape tape({.training = false});
    model.forward(tape, tape.constant(test::random_images(config, 1)), &trace);
    const Tensor map = attention_rollout(trace, model.config());
    CHECK(map.shape() == Shape{8, 8});
    for (const float share : map.span()) CHECK(share == doctest::Approx(1.0f));
    if (pool == Pooling::kToken) {
      CHECK_THROWS_AS(class_maps(model, test::random_images(config, 1), {0}), ConfigError);
    }
  }
}

}  // namespace
}  // namespace tessera::report
