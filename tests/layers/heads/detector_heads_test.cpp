#include "layers/heads/detector_heads.h"

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
  config.head.detector.groups = 4;
  return config;
}

TEST_CASE("levels: all stages but the first and two more, or as they are listed") {
  ModelConfig config = detector();
  CHECK(detector_levels(config).strides == std::vector<std::int64_t>{4, 8, 16});
  CHECK(detector_levels(config).stages == std::vector<std::size_t>{1});
  CHECK(detector_levels(config).extra == 2);
  CHECK(detector_levels(config).bounds == std::vector<double>{32.0, 64.0});
  config.head.detector.levels = {2, 4, 8};
  config.head.detector.ranges = {10.0, 20.0};
  CHECK(detector_levels(config).stages == std::vector<std::size_t>{0, 1});
  CHECK(detector_levels(config).extra == 1);
  CHECK(detector_levels(config).bounds == std::vector<double>{10.0, 20.0});
  config.head.detector.levels = {2};
  config.head.detector.ranges = {};
  CHECK(detector_levels(config).stages == std::vector<std::size_t>{0});
  CHECK(Model(config).parameters.find("stages.1.blocks.0.norm1.weight") == nullptr);

  config = test::tiny_vit_config();
  config.pool = Pooling::kMean;
  config.head.type = HeadType::kFcos;
  CHECK(detector_levels(config).strides == std::vector<std::int64_t>{2, 4, 8});
}

TEST_CASE("levels behind the stages, as many as asked for, from a level or a map") {
  ModelConfig config = detector();
  config.head.detector.levels = {2, 4, 8};
  config.head.detector.extra_levels = 2;
  CHECK(detector_levels(config).stages == std::vector<std::size_t>{0});
  CHECK(detector_levels(config).extra == 2);
  CHECK(!detector_levels(config).extra_from_stage);
  const auto extra_in = [&] {
    Model model(config);
    return model.parameters.find("head.pyramid.extras.0.weight")->parameter->shape[1];
  };
  CHECK(extra_in() == 16);
  config.head.detector.extra_from = ExtraFrom::kStage;
  config.embed_dim = 12;
  config.num_heads = {2, 4};
  CHECK(extra_in() == 12);
}

TEST_CASE("every place begins with a box: where one has none, no gradient passes") {
  Model model(detector());
  for (const std::uint64_t seed : {1, 2, 3}) {
    model.parameters.initialize(seed, 0.02f);
    Tape tape({.training = false});
    const auto outputs = model.forward(tape, tape.constant(test::random_tensor({2, 32, 48, 3}, 3)));
    REQUIRE(outputs.size() == 9);  // classes, distances and centre-ness of three levels
    for (const std::size_t distances : {1, 4, 7}) {
      REQUIRE(outputs[distances].dim(3) == 4);
      CHECK(std::ranges::min(outputs[distances].value.span()) > 0.0f);
    }
  }
}

TEST_CASE("what a RetinaNet head puts out, and the names of its parameters") {
  ModelConfig config = detector();
  config.head.type = HeadType::kRetinaNet;
  config.head.detector.anchors = {8, 12, 16, 24, 32, 48};
  Model model(config);
  model.parameters.initialize(1, 0.02f);
  Tape tape({.training = false});
  const auto outputs = model.forward(tape, tape.constant(test::random_tensor({2, 37, 22, 3}, 3)));
  REQUIRE(outputs.size() == 6);
  for (std::size_t l = 0; l < 3; ++l) {
    CHECK(outputs[2 * l].dim(3) == 2 * 3 * 3);  // sides, ratios, classes
    CHECK(outputs[2 * l + 1].dim(3) == 2 * 3 * 4);
    CHECK(outputs[2 * l].dim(1) == outputs[2 * l + 1].dim(1));
  }
  for (const char* name : {"head.class_tower.1.weight", "head.box_tower.0.bias", "head.logits.bias",
                           "head.distances.weight", "head.pyramid.extras.1.bias"}) {
    CAPTURE(name);
    CHECK(model.parameters.find(name) != nullptr);
  }
  const std::int64_t c = 16, places[] = {9 * 6, 5 * 3, 3 * 2};  // one row of pixels is dropped
  std::int64_t macs = places[0] * (32 * c + 9 * c * c) + places[1] * 9 * 32 * c;
  macs += places[2] * 9 * c * c;
  for (const std::int64_t p : places) macs += p * (4 * 9 * c * c + 9 * c * 6 * (3 + 4));
  config.image_size = {37, 22};
  CHECK(plan_model(config).head.macs == macs);
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
  CHECK(problem([](ModelConfig& c) { c.head.detector.groups = 5; }) ==
        "head.channels 16 % head.groups 5 != 0");
  CHECK(problem([](ModelConfig& c) {
          c.patch_size = {2, 4};
        }) == "fcos needs tokens as far apart in height as in width, not 2x4");
  CHECK(problem([](ModelConfig& c) {
          c.head.detector.levels = {16, 32};
        }) == "head.levels [16, 32] begin at no stage: the stages have strides 2, 4");
  CHECK(problem([](ModelConfig& c) {
          c.head.detector.levels = {4, 16};
        }) == "head.levels [4, 16]: 16 is not twice 4, as each stride must be of the one before");
  CHECK(problem([](ModelConfig& c) { c.head.detector.ranges = {4.0}; }) ==
        "head.ranges has 1 bounds; 3 levels have 2 between them");
  CHECK(problem([](ModelConfig& c) {
          c.head.detector.ranges = {8.0, 8.0};
        }) == "head.ranges [8, 8] do not rise");
  CHECK(problem([](ModelConfig& c) { c.head.detector.extra_levels = 1; }) ==
        "head.extra_levels 1: of 3 levels 1 to 1 can be stages, not 2");
  const auto anchor_problem = [](auto change) {
    ModelConfig config = detector();
    config.head.type = HeadType::kRetinaNet;
    change(config.head.detector);
    const auto problems = detector_problems(config);
    return problems.empty() ? std::string() : problems.front().text;
  };
  CHECK(anchor_problem([](DetectorConfig&) {}).empty());
  CHECK(anchor_problem([](DetectorConfig& d) {
          d.anchors = {8, 16, 24, 32};
        }) == "head.anchors has 4 sides, which 3 levels cannot share evenly");
  CHECK(anchor_problem([](DetectorConfig& d) { d.ratios.clear(); }) ==
        "head.ratios is empty: there would be no anchors");
  CHECK(anchor_problem([](DetectorConfig& d) { d.negative = 0.7; }) ==
        "head.negative 0.7 is above head.positive 0.5");
}

}  // namespace
}  // namespace tessera
