#include "layers/heads/fcos_head.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "layers/model.h"
#include "layers/stage_plan.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig detector(Size2 image = {32, 48}) {
  ModelConfig config = test::tiny_config();
  config.image_size = image;
  config.num_classes = 3;
  config.head.type = HeadType::kFcos;
  config.head.channels = 16;
  config.head.convs = 2;
  config.head.fcos.groups = 4;
  return config;
}

TEST_CASE("levels: all stages but the first and two more, or as they are listed") {
  ModelConfig config = detector();
  CHECK(fcos_levels(config).strides == std::vector<std::int64_t>{4, 8, 16});
  CHECK(fcos_levels(config).stages == std::vector<std::size_t>{1});
  CHECK(fcos_levels(config).extra == 2);
  CHECK(fcos_levels(config).bounds == std::vector<double>{32.0, 64.0});
  config.head.fcos.levels = {2, 4, 8};
  config.head.fcos.ranges = {10.0, 20.0};
  CHECK(fcos_levels(config).stages == std::vector<std::size_t>{0, 1});
  CHECK(fcos_levels(config).extra == 1);
  CHECK(fcos_levels(config).bounds == std::vector<double>{10.0, 20.0});
  config.head.fcos.levels = {2};
  config.head.fcos.ranges = {};
  CHECK(fcos_levels(config).stages == std::vector<std::size_t>{0});
  CHECK(Model(config).parameters.find("stages.1.blocks.0.norm1.weight") == nullptr);

  config = test::tiny_vit_config();
  config.pool = Pooling::kMean;
  config.head.type = HeadType::kFcos;
  CHECK(fcos_levels(config).strides == std::vector<std::int64_t>{2, 4, 8});
}

TEST_CASE("what an FCOS head puts out, at whatever size, and the names of its parameters") {
  const ModelConfig config = detector();
  Model model(config);
  model.parameters.initialize(1, 0.02f);
  for (const Size2 image : {Size2{32, 48}, Size2{37, 22}}) {
    Tape tape({.training = false});
    const auto outputs =
        model.forward(tape, tape.constant(test::random_tensor({2, image[0], image[1], 3}, 3)));
    REQUIRE(outputs.size() == 9);
    Size2 map =
        outputs.front().shape().rank() == 4 ? Size2{outputs[0].dim(1), outputs[0].dim(2)} : Size2{};
    for (std::size_t l = 0; l < 3; ++l) {
      CHECK(outputs[3 * l].shape() == Shape{2, map[0], map[1], 3});
      CHECK(outputs[3 * l + 1].shape() == Shape{2, map[0], map[1], 4});
      CHECK(outputs[3 * l + 2].shape() == Shape{2, map[0], map[1], 1});
      CHECK(std::ranges::min(outputs[3 * l + 1].value.span()) >= 0.0f);
      map = {(map[0] + 1) / 2, (map[1] + 1) / 2};
    }
  }
  for (const char* name :
       {"norm1.weight", "head.pyramid.laterals.0.weight", "head.pyramid.extras.1.bias",
        "head.class_tower.1.conv.weight", "head.box_tower.0.norm.bias", "head.logits.bias",
        "head.distances.weight", "head.centreness.bias", "head.scales.2"}) {
    CAPTURE(name);
    const auto* entry = model.parameters.find(name);
    REQUIRE(entry != nullptr);
    CHECK(entry->parameter->in_head == std::string(name).starts_with("head."));
  }
  CHECK(model.parameters.find("norm0.weight") == nullptr);
  // Before training every class is improbable, and every scale 1.
  CHECK(model.parameters.find("head.logits.bias")->parameter->value.f32()[0] ==
        doctest::Approx(-4.59512));
  CHECK(model.parameters.find("head.scales.0")->parameter->value.f32()[0] == 1.0f);
}

TEST_CASE("the arithmetic of an FCOS head") {
  const ModelConfig config = detector({32, 48});
  const std::int64_t c = 16;
  const std::int64_t places[] = {8 * 12, 4 * 6, 2 * 3};
  std::int64_t macs = places[0] * (32 * c + 9 * c * c);  // lateral and smoothing
  macs += (places[1] + places[2]) * 9 * c * c;           // extra levels
  for (const std::int64_t p : places) macs += p * (4 * 9 * c * c + 9 * c * (3 + 4 + 1));
  CHECK(plan_model(config).head.macs == macs);
  CHECK(plan_model(config).head.saved > 0);
}

TEST_CASE("what cannot be meant of an FCOS head") {
  const auto problem = [](auto change) {
    ModelConfig config = detector();
    change(config);
    const auto problems = FcosHead::problems(config);
    return problems.empty() ? std::string() : problems.front().text;
  };
  CHECK(problem([](ModelConfig&) {}).empty());
  CHECK(problem([](ModelConfig& c) { c.head.fcos.groups = 5; }) ==
        "head.channels 16 % head.groups 5 != 0");
  CHECK(problem([](ModelConfig& c) {
          c.patch_size = {2, 4};
        }) == "fcos needs tokens as far apart in height as in width, not 2x4");
  CHECK(problem([](ModelConfig& c) {
          c.head.fcos.levels = {16, 32};
        }) == "head.levels [16, 32] begin at no stage: the stages have strides 2, 4");
  CHECK(problem([](ModelConfig& c) {
          c.head.fcos.levels = {4, 16};
        }) == "head.levels [4, 16]: 16 is not twice 4, as each stride must be of the one before");
  CHECK(problem([](ModelConfig& c) { c.head.fcos.ranges = {4.0}; }) ==
        "head.ranges has 1 bounds; 3 levels have 2 between them");
  CHECK(problem([](ModelConfig& c) {
          c.head.fcos.ranges = {8.0, 8.0};
        }) == "head.ranges [8, 8] do not rise");
}

}  // namespace
}  // namespace tessera
