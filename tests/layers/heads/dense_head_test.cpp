// A head of a test's own that reads several maps.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"
#include "layers/conv2d.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

/// Reads the first and the third of four stages: classes of every token.
class ToyHead final : public Head {
 public:
  explicit ToyHead(const ModelConfig& config)
      : fine_(stage_channels(config)[0], config.num_classes, {3, 3}, {.zeros = {1, 1}}),
        coarse_(stage_channels(config)[2], config.num_classes, {1, 1}) {}

  StageOutputs reads() const override { return {.stages = {0, 2}, .norm_each = true}; }
  HeadPlan plan(std::span<const MapShape> maps, Size2) const override {
    return {.macs = fine_.macs(maps[0].map) + coarse_.macs(maps[2].map)};
  }
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2) override {
    return {fine_.forward(tape, maps[0].normed), coarse_.forward(tape, maps[2].normed)};
  }
  void visit(ParameterVisitor& visitor) override {
    visitor("fine", fine_);
    visitor("coarse", coarse_);
  }

 private:
  Conv2d fine_, coarse_;
};

ModelConfig dense_config() {
  ModelConfig config = test::tiny_config();
  config.depths = {2, 1, 1, 1};
  config.num_heads = {2, 4, 8, 16};
  config.window_policy = WindowPolicy::kKeep;
  return config;
}

TEST_CASE("a dense head: a norm on each map that it reads, no stage behind the last of them") {
  const ModelConfig config = dense_config();
  Model model(config, std::make_unique<ToyHead>(config));
  std::vector<std::string> groups;
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    if (groups.empty() || groups.back() != entry.group) groups.push_back(entry.group);
  }
  CHECK(groups == std::vector<std::string>{"patch_embed", "stages.0.blocks.0", "stages.0.blocks.1",
                                           "stages.0.downsample", "stages.1.blocks.0",
                                           "stages.1.downsample", "stages.2.blocks.0", "norm0",
                                           "norm2", "head"});
  CHECK(model.parameters.find("norm2.weight")->parameter->shape == Shape{64});
  CHECK(model.parameters.find("norm0.weight")->parameter->depth == 5);
  CHECK(model.parameters.find("head.fine.weight")->parameter->in_head);
  CHECK(!model.parameters.find("norm0.weight")->parameter->in_head);

  const ModelPlan plan = plan_model(config, model.head());
  CHECK(plan.stages.size() == 3);
  CHECK(plan.blocks() == 4);
  CHECK(plan.stages[0].norm_saved == 2 * 64 * 16);
  CHECK(plan.stages[1].norm_saved == 0);
  CHECK(plan.head.macs == 64 * 9 * 16 * 4 + 4 * 64 * 4);
  CHECK(plan.macs() < plan_model(config).macs());
}

TEST_CASE("a head that reads more stages than there are is refused") {
  ModelConfig config = test::tiny_config();
  auto head = std::make_unique<ToyHead>(dense_config());
  CHECK_THROWS_WITH_AS(Model(config, std::move(head)),
                       doctest::Contains("2 stages up to number 3, of 2"), ConfigError);
}

TEST_CASE("a dense head reads normed maps of images of any size, and everything learns") {
  const ModelConfig config = dense_config();
  Model model(config, std::make_unique<ToyHead>(config));
  test::randomize(model);
  model.parameters.clear_gradients();
  Tape tape;
  const Tensor images = test::random_tensor({2, 23, 30, 3}, 5);
  const auto outputs = model.forward(tape, tape.constant(images));
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].shape() == Shape{2, 11, 15, 4});
  CHECK(outputs[1].shape() == Shape{2, 3, 4, 4});
  const auto sum = [&](const Var& x) {
    return test::weighted_sum(tape, x, test::random_tensor(x.shape(), 8));
  };
  tape.backward(ops::add(tape, sum(outputs[0]), sum(outputs[1])));
  for (const ParameterStore::Entry& entry : model.parameters.entries()) {
    CAPTURE(entry.name);
    double size = 0.0;
    for (const float g : entry.parameter->grad.span()) size += std::abs(double{g});
    CHECK(entry.parameter->grad_ready);
    CHECK(std::isfinite(size));
    CHECK(size > 0.0);
  }
  Tape plain({.training = false});
  const std::vector<StageMap> maps = model.backbone().forward(plain, plain.constant(images));
  CHECK(!maps[1].normed);
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    const auto parameter = [&](const char* end) {
      const std::string name = "norm" + std::to_string(i) + end;
      return plain.parameter(*model.parameters.find(name)->parameter);
    };
    const Var normed = ops::layer_norm(plain, maps[i].map, parameter(".weight"), parameter(".bias"),
                                       norm_epsilon(config));
    CHECK(test::relative_error(maps[i].normed.value, normed.value) < 1e-6);
  }
}

}  // namespace
}  // namespace tessera
