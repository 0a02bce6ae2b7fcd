// Backbones as a pyramid: any image size, which maps are read, facts on parameters.
#include "layers/backbone.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

#include "core/error.h"
#include "core/ops/resize.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

Tensor images_of(Size2 size, std::int64_t batch = 2) {
  return test::random_tensor({batch, size[0], size[1], 3}, 5);
}

std::vector<StageMap> maps_of(Model& model, const Tensor& images) {
  Tape tape({.training = false});
  return model.backbone().forward(tape, tape.constant(images));
}

ModelConfig sized(ModelConfig config, Size2 size) {
  config.image_size = size;
  return config;
}

/// The part of a table of offsets of a window that a smaller window sees.
void copy_middle(const Tensor& from, Size2 window, const Tensor& to, Size2 smaller) {
  const std::int64_t heads = from.dim(1), width = 2 * smaller[1] - 1;
  for (std::int64_t y = 0; y < 2 * smaller[0] - 1; ++y) {
    const std::int64_t row = (y + window[0] - smaller[0]) * (2 * window[1] - 1);
    const std::int64_t first = (row + window[1] - smaller[1]) * heads;
    for (std::int64_t i = 0; i < width * heads; ++i) {
      to.f32()[y * width * heads + i] = from.f32()[first + i];
    }
  }
}

/// The weights of `from` in `to`, which is built for smaller images.
void copy_weights(Model& from, Model& to) {
  const ModelPlan before = plan_model(from.config()), after = plan_model(to.config());
  for (const ParameterStore::Entry& entry : to.parameters.entries()) {
    const Tensor values = from.parameters.find(entry.name)->parameter->value;
    const Tensor target = entry.parameter->value;
    if (values.shape() == target.shape()) {
      target.copy_from(values);
      continue;
    }
    REQUIRE(entry.name.ends_with("relative_position_bias_table"));
    const std::size_t stage = entry.name.starts_with("stages.1") ? 1 : 0;
    copy_middle(values, before.stages[stage].windows.window, target,
                after.stages[stage].windows.window);
  }
}

struct BackboneCase {
  std::string name;
  ModelConfig config;
};

std::vector<BackboneCase> backbone_cases() {
  std::vector<BackboneCase> all;
  const auto add = [&](std::string name, ModelConfig config,
                       const std::function<void(ModelConfig&)>& change) {
    change(config);
    all.push_back({std::move(name), config});
  };
  const ModelConfig swin = test::tiny_config();
  for (const WindowPolicy policy :
       {WindowPolicy::kClamp, WindowPolicy::kPad, WindowPolicy::kKeep}) {
    for (const WindowPadding padding :
         {WindowPadding::kMasked, WindowPadding::kTorchvision, WindowPadding::kTimm}) {
      add("swin", swin, [&](ModelConfig& c) {
        c.window_policy = policy;
        c.padding = padding;
      });
    }
  }
  add("swin_v2", test::tiny_v2_config(), [](ModelConfig& c) { c.pretrained_window_size = {4, 4}; });
  add("swin, sincos, shifted tokens", swin, [](ModelConfig& c) {
    c.position.sincos = true;
    c.token_shift = {0.5};
  });
  add("vit, class token", test::tiny_vit_config(),
      [](ModelConfig& c) { c.position = {.relative = false, .sincos = true}; });
  add("vit, relative", test::tiny_vit_config(), [](ModelConfig& c) {
    c.position = {};
    c.pool = Pooling::kMean;
  });
  for (const PatchEmbedType type :
       {PatchEmbedType::kOverlap, PatchEmbedType::kConvStem, PatchEmbedType::kShifted,
        PatchEmbedType::kCrossScale, PatchEmbedType::kSliding}) {
    add("embedding", swin, [&](ModelConfig& c) {
      c.patch_embed.type = type;
      c.patch_embed.kernels = {2, 4, 8};
    });
  }
  for (const PatchMergingType type :
       {PatchMergingType::kConv, PatchMergingType::kShifted, PatchMergingType::kCrossScale}) {
    add("merging", swin, [&](ModelConfig& c) { c.patch_merging.type = type; });
  }
  add("edge", swin, [](ModelConfig& c) { c.patch_embed.edge = PatchEdge::kPad; });
  return all;
}

TEST_CASE("images of another size: the maps of a backbone that is built for them") {
  for (const BackboneCase& c : backbone_cases()) {
    CAPTURE(c.name);
    Model large(sized(c.config, {22, 18}));
    test::randomize(large);
    for (const Size2 size : {Size2{13, 18}, Size2{22, 18}, Size2{8, 5}}) {
      CAPTURE(size[0]);
      Model own(sized(c.config, size));
      copy_weights(large, own);
      const auto expected = maps_of(own, images_of(size)), actual = maps_of(large, images_of(size));
      REQUIRE(actual.size() == expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        REQUIRE(actual[i].map.shape() == expected[i].map.shape());
        CHECK(test::relative_error(actual[i].map.value, expected[i].map.value) == 0.0);
      }
    }
  }
}

TEST_CASE("learned positions of another map are resized, and learn through that") {
  ModelConfig config = test::tiny_config();
  config.position.absolute = true;
  config.window_policy = WindowPolicy::kPad;
  const Size2 size{10, 14};
  Model model(config), own(sized(config, size));
  test::randomize(model);
  for (const ParameterStore::Entry& entry : own.parameters.entries()) {
    const Tensor values = model.parameters.find(entry.name)->parameter->value;
    if (entry.name != "absolute_pos_embed") {
      entry.parameter->value.copy_from(values);
      continue;
    }
    Tape tape({.training = false});
    const Var table = tape.constant(values.reshape({1, 8, 8, config.embed_dim}));
    const Tensor resized = ops::resize(tape, table, {5, 7}, ops::ResizeMode::kBicubic).value;
    entry.parameter->value.copy_from(resized.reshape(entry.parameter->shape));
  }
  const Tensor images = images_of(size);
  CHECK(test::relative_error(maps_of(model, images)[1].map.value,
                             maps_of(own, images)[1].map.value) == 0.0);

  const auto loss = [&](bool backward) {
    Tape tape;
    model.parameters.clear_gradients();
    const Var logits = model.forward(tape, tape.constant(images))[0];
    const Var sum = test::weighted_sum(tape, logits, test::random_tensor(logits.shape(), 8));
    if (backward) tape.backward(sum);
    return double{sum.value.f32()[0]};
  };
  loss(true);
  const Parameter& table = *model.parameters.find("absolute_pos_embed")->parameter;
  const Tensor gradient = table.grad.clone();
  const Tensor direction = test::random_tensor(table.shape, 4);
  double analytic = 0.0;
  for (std::size_t i = 0; i < gradient.span().size(); ++i) {
    analytic += double{gradient.span()[i]} * double{direction.span()[i]};
  }
  constexpr float kStep = 1e-2f;
  const auto moved = [&](float step) {
    for (std::size_t i = 0; i < gradient.span().size(); ++i) {
      table.value.span()[i] += step * direction.span()[i];
    }
    return loss(false);
  };
  const double above = moved(kStep), below = moved(-2.0f * kStep);
  CHECK((above - below) / (2.0 * double{kStep}) == doctest::Approx(analytic).epsilon(0.01));
}

TEST_CASE("images that a backbone cannot take are refused in one sentence") {
  const auto refuse = [](const ModelConfig& config, Size2 size, const char* part) {
    Model model(config);
    CHECK_THROWS_WITH_AS(maps_of(model, images_of(size)), doctest::Contains(part), ShapeError);
  };
  refuse(test::tiny_vit_config(), {16, 14}, "class token is that of 8x8 tokens, the image has 8x7");
  refuse(test::tiny_config(), {1, 16}, "kernel 2x2 is larger than x [2, 1, 16, 3]");
  ModelConfig config = test::tiny_vit_config();
  config.position = {};
  config.pool = Pooling::kMean;
  refuse(config, {18, 16}, "9x8 tokens is larger than the 8x8 of its table");
}

/// What used to be read from a name, by the rules of that time.
int depth_by_name(const std::string& name, std::string& block, int& blocks) {
  if (name.starts_with("norm.") || name.starts_with("head.")) return -1;
  const std::size_t at = name.find("blocks.");
  if (at == std::string::npos) return blocks;
  const std::string own = name.substr(0, name.find('.', at + 7));
  if (own != block) ++blocks;
  block = own;
  return blocks;
}

TEST_CASE("facts on the parameters of every model") {
  std::vector<BackboneCase> all = backbone_cases();
  all.push_back({"vit, class token, learned", test::tiny_vit_config()});
  for (const BackboneCase& c : all) {
    CAPTURE(c.name);
    Model model(c.config);
    std::string block;
    int blocks = 0;
    bool any_pixels = false;
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      CAPTURE(entry.name);
      const Parameter& parameter = *entry.parameter;
      const bool head = entry.name.starts_with("head.");
      CHECK(parameter.in_head == head);
      CHECK(parameter.is_matrix == (parameter.decay && parameter.shape.rank() >= 2));
      const int depth = depth_by_name(entry.name, block, blocks);
      CHECK(parameter.depth == (depth < 0 ? blocks + 1 : depth));
      if (parameter.reads_pixels) {
        any_pixels = true;
        CHECK(entry.name.starts_with("patch_embed."));
        CHECK(parameter.shape.rank() == 4);
        CHECK(parameter.shape[1] % 3 == 0);
      }
    }
    CHECK(any_pixels);
  }
}

}  // namespace
}  // namespace tessera
