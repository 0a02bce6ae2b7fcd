#include "layers/stage_plan.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "layers/model.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig swin(std::int64_t channels, std::vector<std::int64_t> depths,
                 std::vector<std::int64_t> heads) {
  ModelConfig config;
  config.embed_dim = channels;
  config.depths = std::move(depths);
  config.num_heads = std::move(heads);
  return config;
}

TEST_CASE("parameter counts of Swin T, S, B and L are those of the paper's code") {
  CHECK(Model(swin(96, {2, 2, 6, 2}, {3, 6, 12, 24})).parameters.count() == 28'288'354);
  CHECK(Model(swin(96, {2, 2, 18, 2}, {3, 6, 12, 24})).parameters.count() == 49'606'258);
  CHECK(Model(swin(128, {2, 2, 18, 2}, {4, 8, 16, 32})).parameters.count() == 87'768'224);
  CHECK(Model(swin(192, {2, 2, 18, 2}, {6, 12, 24, 48})).parameters.count() == 196'532'476);
}

TEST_CASE("parameter counts of Swin v2 T, S and B are those of torchvision") {
  const auto count = [](std::int64_t channels, std::vector<std::int64_t> depths,
                        std::vector<std::int64_t> heads) {
    ModelConfig config = swin(channels, std::move(depths), std::move(heads));
    config.name = ModelName::kSwinV2;
    config.window_size = {8, 8};
    config.position = {.relative = false, .continuous = true};
    return Model(config).parameters.count();
  };
  CHECK(count(96, {2, 2, 6, 2}, {3, 6, 12, 24}) == 28'351'570);
  CHECK(count(96, {2, 2, 18, 2}, {3, 6, 12, 24}) == 49'737'442);
  CHECK(count(128, {2, 2, 18, 2}, {4, 8, 16, 32}) == 87'930'848);
}

TEST_CASE("ViT Ti, S and B at patch 16 have the published parameters and multiply-adds") {
  const auto vit = [](std::int64_t channels, std::int64_t heads) {
    ModelConfig config = swin(channels, {12}, {heads});
    config.name = ModelName::kViT;
    config.patch_size = {16, 16};
    config.patch_embed.norm = false;
    config.position = {.relative = false, .absolute = true};
    config.pool = Pooling::kToken;
    return config;
  };
  CHECK(Model(vit(192, 3)).parameters.count() == 5'717'416);
  CHECK(Model(vit(384, 6)).parameters.count() == 22'050'664);
  CHECK(Model(vit(768, 12)).parameters.count() == 86'567'656);
  CHECK(static_cast<double>(plan_model(vit(768, 12)).macs()) ==
        doctest::Approx(17.58e9).epsilon(0.002));
  const ModelPlan plan = plan_model(vit(192, 3));
  CHECK(plan.embed.map == Size2{14, 14});
  CHECK(plan.stages.at(0).map == Size2{1, 197});
  CHECK(plan.stages.at(0).windows.window == Size2{1, 197});
  CHECK(plan.stages.at(0).windows.windows() == 1);
}

TEST_CASE("multiply-adds of Swin T and B are the published 4.5 and 15.4 billion") {
  CHECK(static_cast<double>(plan_model(swin(96, {2, 2, 6, 2}, {3, 6, 12, 24})).macs()) ==
        doctest::Approx(4.5e9).epsilon(0.01));
  CHECK(static_cast<double>(plan_model(swin(128, {2, 2, 18, 2}, {4, 8, 16, 32})).macs()) ==
        doctest::Approx(15.4e9).epsilon(0.01));
}

TEST_CASE("windows: clamped to the map or the map padded to them, shifted by half") {
  ModelConfig config = test::tiny_config();
  config.window_size = {7, 7};

  config.window_policy = WindowPolicy::kClamp;
  WindowPlan plan = plan_windows(config, {14, 5}, true);
  CHECK(plan.window == Size2{7, 5});
  CHECK(plan.shift == Size2{3, 0});  // one window covers the width: nothing to shift
  CHECK(plan.padded == Size2{14, 5});
  CHECK(plan.windows() == 2);

  config.window_policy = WindowPolicy::kPad;
  plan = plan_windows(config, {15, 5}, true);
  CHECK(plan.window == Size2{7, 7});
  CHECK(plan.shift == Size2{3, 0});
  CHECK(plan.padded == Size2{21, 7});
  CHECK(plan.windows() == 3);

  config.window_policy = WindowPolicy::kKeep;
  plan = plan_windows(config, {15, 5}, true);
  CHECK(plan.window == Size2{7, 7});
  CHECK(plan.shift == Size2{3, 3});  // also where one window covers the width
  CHECK(plan.padded == Size2{21, 7});
  CHECK(plan_windows(config, {15, 5}, false).shift == Size2{0, 0});

  CHECK(plan_windows(config, {14, 14}, false).shift == Size2{0, 0});
  CHECK(plan_windows(config, {14, 14}, true).shift == Size2{3, 3});
  config.window_shift = false;
  CHECK(plan_windows(config, {14, 14}, true).shift == Size2{0, 0});
}

TEST_CASE("maps of the stages, and pixels beyond the last patch") {
  ModelConfig config = test::tiny_config();
  config.image_size = {31, 26};
  config.patch_size = {2, 4};
  const ModelPlan plan = plan_model(config);
  CHECK(plan.stages[0].map == Size2{15, 6});
  CHECK(plan.stages[1].map == Size2{8, 3});
  CHECK(plan.stages[1].channels == 2 * config.embed_dim);
  CHECK(plan.embed.unused_pixels == Size2{1, 2});
}

TEST_CASE("what has no meaning is refused with the key and a way out") {
  const auto refuse = [](auto change, const char* part) {
    ModelConfig config = test::tiny_config();
    change(config);
    CAPTURE(part);
    CHECK_THROWS_WITH_AS(plan_model(config), doctest::Contains(part), ConfigError);
  };
  refuse([](ModelConfig& c) { c.patch_size = {32, 32}; }, "patch_size 32x32 is larger");
  refuse([](ModelConfig& c) { c.patch_size = {0, 2}; }, "at least 1");
  refuse([](ModelConfig& c) { c.num_heads = {3, 4}; }, "num_heads 2 or 4");
  refuse([](ModelConfig& c) { c.num_heads = {2}; }, "give one of each a stage");
  refuse([](ModelConfig& c) { c.depths = {2, 0}; }, "depths 0: must be at least 1");
  refuse([](ModelConfig& c) { c.patch_size = {16, 16}; }, "use at most 1 stage");
  refuse([](ModelConfig& c) { c.name = ModelName::kViT; }, "vit has one");
  refuse([](ModelConfig& c) { c.pool = Pooling::kToken; }, "class token of vit");
  refuse([](ModelConfig& c) { c.position.continuous = true; }, "relative and continuous");
  refuse([](ModelConfig& c) { c.position.absolute = c.position.sincos = true; },
         "absolute and sincos");
  refuse([](ModelConfig& c) { c.pretrained_window_size = {4}; }, "give one a stage");
  refuse(
      [](ModelConfig& c) {
        c = test::tiny_vit_config();
        c.position.relative = true;
      },
      "class token of pool token has no place");
}

}  // namespace
}  // namespace tessera
