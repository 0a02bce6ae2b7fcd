#include "layers/patch/flexible_patch_embed.h"

#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "core/error.h"
#include "layers/patch/conv_patch_embed.h"
#include "tests/support/layer_check.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig flexible_config(std::int64_t patch) {
  ModelConfig config = test::tiny_config();
  config.patch_size = {patch, patch};
  config.patch_sizes = {2, 4};
  return config;
}

/// Over all values: what both have differs by rounding alone.
double error_of(const Tensor& actual, const Tensor& expected) {
  REQUIRE(actual.shape() == expected.shape());
  return test::relative_error(actual, expected);
}

TEST_CASE("at each size it is the linear embedding with the resized kernel") {
  for (const std::int64_t patch : {2, 3, 4, 5}) {
    CAPTURE(patch);
    ModelConfig config = flexible_config(patch);
    FlexiblePatchEmbed flexible(config);
    ParameterStore store(flexible);
    test::randomize(store, 3);
    config.patch_sizes.clear();
    ConvPatchEmbed plain(config);
    ParameterStore own(plain);
    const Tensor images = test::random_images(config, 2);
    for (const ParameterStore::Entry& entry : own.entries()) {
      const Parameter& from = *store.find(entry.name)->parameter;
      Tensor values = from.value;
      if (entry.name == "proj.weight" && patch != 4) {
        Tape tape;
        const ops::KernelMatrix m = ops::kernel_matrix(4, patch).value();
        values = ops::resize_kernel(tape, tape.constant(values), m, m).value;
      }
      entry.parameter->value.copy_from(values);
    }
    Tape tape;
    CHECK(flexible.plan({16, 16}).map == plain.plan({16, 16}).map);
    CHECK(flexible.plan({16, 16}).macs == plain.plan({16, 16}).macs);
    CHECK(error_of(flexible.forward(tape, tape.constant(images)).value,
                   plain.forward(tape, tape.constant(images)).value) < 1e-6);
  }
}

TEST_CASE("the gradient reaches the kernel through the resize") {
  ModelConfig config = flexible_config(2);
  config.embed_dim = 4;
  FlexiblePatchEmbed embed(config);
  ParameterStore store(embed);
  test::randomize(store, 3);
  store.clear_gradients();
  const Tensor images = test::random_images(config, 1);
  const auto run = [&](Tape& tape) { return embed.forward(tape, tape.constant(images)); };
  Tape tape;
  const Var y = run(tape);
  const Tensor probe = test::random_tensor(y.shape(), 977);
  tape.backward(test::weighted_sum(tape, y, probe));
  Parameter& weight = *store.find("proj.weight")->parameter;
  for (const std::size_t at : {0u, 7u, 100u, 191u}) {
    const auto loss = [&](float step) {
      const float kept = weight.value.span()[at];
      weight.value.span()[at] = kept + step;
      Tape plain({.training = false});
      const Tensor result = run(plain).value;
      weight.value.span()[at] = kept;
      double sum = 0.0;
      for (std::size_t i = 0; i < result.span().size(); ++i) {
        sum += double{result.span()[i]} * double{probe.span()[i]};
      }
      return sum;
    };
    const double slope = (loss(0.02f) - loss(-0.02f)) / 0.04;
    CHECK(double{weight.grad.span()[at]} == doctest::Approx(slope).epsilon(0.02));
  }
}

TEST_CASE("a size is drawn for an update, all of them in time; the configured one comes back") {
  const ModelConfig config = flexible_config(2);
  Model model(config);
  test::randomize(model);
  const Tensor images = test::random_images(config, 1);
  const auto tokens = [&] {
    Tape tape({.training = false});
    return model.backbone().patch_embed().forward(tape, tape.constant(images)).shape()[1];
  };
  std::set<std::int64_t> seen;
  std::vector<std::int64_t> first, again;
  for (std::uint64_t step = 0; step < 16; ++step) {
    model.draw_patch(3, step);
    first.push_back(tokens());
    seen.insert(first.back());
  }
  CHECK(seen == std::set<std::int64_t>{4, 8});
  for (std::uint64_t step = 0; step < 16; ++step) {
    model.draw_patch(3, step);
    again.push_back(tokens());
  }
  CHECK(first == again);
  model.draw_patch(3, static_cast<std::uint64_t>(std::ranges::find(first, 4) - first.begin()));
  CHECK(tokens() == 4);
  model.rest_patch();
  CHECK(tokens() == 8);
}

// Tables of positions are made for the smallest patch, so that no size needs others.
TEST_CASE("one set of parameters serves every size, and every one of them learns") {
  for (const bool vit : {false, true}) {
    std::vector<Shape> shapes;
    for (const std::int64_t patch : {2, 4}) {
      CAPTURE(patch);
      ModelConfig config = flexible_config(patch);
      if (vit) {
        config = test::tiny_vit_config();
        config.pool = Pooling::kMean;
        config.patch_size = {patch, patch};
        config.patch_sizes = {2, 4};
      }
      Model model(config);
      std::vector<Shape> own;
      for (const auto& entry : model.parameters.entries()) own.push_back(entry.parameter->shape);
      if (shapes.empty()) shapes = own;
      CHECK(own == shapes);
      test::randomize(model);
      test::train_step(model, 2);
      test::check_gradients_of(model);
    }
  }
}

TEST_CASE("patch sizes that cannot be are said with a way out") {
  const auto problem = [](auto change) {
    ModelConfig config = flexible_config(2);
    change(config);
    const std::vector<ConfigProblem> problems = model_problems(config);
    return problems.empty() ? std::string() : problems.front().text;
  };
  CHECK(problem([](ModelConfig&) {}).empty());
  CHECK(problem([](ModelConfig& c) {
          c.patch_embed.type = PatchEmbedType::kConvStem;
        }).find("only the kernel of patch_embed.type linear") != std::string::npos);
  CHECK(problem([](ModelConfig& c) {
          c.patch_sizes = {2, 16};
        }).find("shrinks to one token") != std::string::npos);
  CHECK(problem([](ModelConfig& c) {
          c.patch_sizes = {2, 32};
        }).find("is larger than image_size") != std::string::npos);
  CHECK(problem([](ModelConfig& c) {
          c.head.type = HeadType::kPixels;
        }).find("leave patch_sizes") != std::string::npos);
}

}  // namespace
}  // namespace tessera
