// What every network must get right, whatever its name.
#include "layers/model.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/error.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

struct ModelCase {
  std::string name;
  ModelConfig config;
};

template <typename Change>
ModelConfig changed(ModelConfig config, Change change) {
  change(config);
  return config;
}

// An embedding, and the merging of the same kind.
ModelConfig with_patches(ModelConfig config, PatchEmbedType embed,
                         PatchMergingType merging = PatchMergingType::kLinear) {
  config.patch_embed.type = embed;
  config.patch_merging.type = merging;
  config.image_size = {18, 15};
  return config;
}

std::vector<ModelCase> model_cases() {
  return {
      {"swin", test::tiny_config()},
      {"swin with every position there is", changed(test::tiny_config(),
                                                    [](ModelConfig& c) {
                                                      c.position.absolute = true;
                                                      c.image_size = {22, 18};
                                                    })},
      {"swin with continuous position",
       changed(test::tiny_config(),
               [](ModelConfig& c) {
                 c.position = {.relative = false, .continuous = true, .sincos = true};
               })},
      {"swin_v2", test::tiny_v2_config()},
      {"swin_v2, padding takes part, other windows before",
       changed(test::tiny_v2_config(),
               [](ModelConfig& c) {
                 c.image_size = {22, 18};
                 c.padding = WindowPadding::kTorchvision;
                 c.pretrained_window_size = {6, 0};
               })},
      {"swin_v2 with a table and without bias", changed(test::tiny_v2_config(),
                                                        [](ModelConfig& c) {
                                                          c.position = {};
                                                          c.qkv_bias = false;
                                                        })},
      {"vit", test::tiny_vit_config()},
      {"vit, mean over the map, rectangular", changed(test::tiny_vit_config(),
                                                      [](ModelConfig& c) {
                                                        c.pool = Pooling::kMean;
                                                        c.image_size = {18, 12};
                                                        c.position = {.relative = true,
                                                                      .sincos = true};
                                                      })},
      {"vit, one channel", changed(test::tiny_vit_config(),
                                   [](ModelConfig& c) {
                                     c.in_channels = 1;
                                     c.patch_embed.norm = true;
                                     c.position = {.relative = false, .sincos = true};
                                   })},
      {"swin, overlap", with_patches(test::tiny_config(), PatchEmbedType::kOverlap)},
      {"vit, overlap", with_patches(test::tiny_vit_config(), PatchEmbedType::kOverlap)},
      {"swin, sliding", with_patches(test::tiny_config(), PatchEmbedType::kSliding)},
      {"swin, conv_stem",
       with_patches(test::tiny_config(), PatchEmbedType::kConvStem, PatchMergingType::kConv)},
      {"swin_v2, conv_stem",
       with_patches(test::tiny_v2_config(), PatchEmbedType::kConvStem, PatchMergingType::kConv)},
      {"swin, shifted",
       with_patches(test::tiny_config(), PatchEmbedType::kShifted, PatchMergingType::kShifted)},
      {"swin_v2, shifted",
       with_patches(test::tiny_v2_config(), PatchEmbedType::kShifted, PatchMergingType::kShifted)},
      {"swin, cross_scale", with_patches(test::tiny_config(), PatchEmbedType::kCrossScale,
                                         PatchMergingType::kCrossScale)},
      {"swin_v2, cross_scale", with_patches(test::tiny_v2_config(), PatchEmbedType::kCrossScale,
                                            PatchMergingType::kCrossScale)},
      {"swin, channels times 1.5, tokens shifted", changed(test::tiny_config(),
                                                           [](ModelConfig& c) {
                                                             c.channel_multiplier = {1.5};
                                                             c.token_shift = {0.5, 0.25};
                                                           })},
      {"swin_v2, as many channels everywhere, tokens shifted", changed(test::tiny_v2_config(),
                                                                       [](ModelConfig& c) {
                                                                         c.channel_multiplier = {
                                                                             1.0};
                                                                         c.token_shift = {1.0};
                                                                       })},
  };
}

Tensor predict(Model& model, const Tensor& images) {
  Tape tape({.training = false});
  return model.forward(tape, tape.constant(images))[0].value;
}

// `steps` of Adam, arXiv:1412.6980, on one batch; the last loss.
double learn(Model& model, int steps) {
  const std::span<float> values = model.parameters.values().span();
  const std::span<const float> gradient = model.parameters.grads().span();
  std::vector<float> mean(values.size()), square(values.size());
  double loss = 0.0;
  for (int step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      mean[i] += 0.1f * (gradient[i] - mean[i]);
      square[i] += 0.01f * (gradient[i] * gradient[i] - square[i]);
      values[i] -= 0.002f * mean[i] / (std::sqrt(square[i]) + 1e-8f);
    }
    loss = test::train_step(model, 8);
  }
  return loss;
}

TEST_CASE("every parameter of every model gets a finite gradient that is not zero") {
  for (const ModelCase& c : model_cases()) {
    CAPTURE(c.name);
    Model model(c.config);
    test::randomize(model);
    CHECK(std::isfinite(test::train_step(model, 3)));
    test::check_gradients_of(model);
  }
}

TEST_CASE("gradients of whole models agree with finite differences") {
  for (const ModelCase& c : model_cases()) {
    CAPTURE(c.name);
    Model model(c.config);
    test::randomize(model);
    test::train_step(model, 2);
    const Tensor values = model.parameters.values(), grads = model.parameters.grads().clone();
    Rng rng(9, Stream::kSynthetic, 0, 0);
    Tensor direction = Tensor::zeros(values.shape());
    double analytic = 0.0;
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      for (std::int64_t i = 0; i < entry.parameter->shape.numel(); ++i) {
        const auto at = static_cast<std::size_t>(entry.offset + i);
        direction.span()[at] = rng.normal();
        analytic += double{direction.span()[at]} * double{grads.span()[at]};
      }
    }
    constexpr float kStep = 3e-4f;
    const auto move = [&](float step) {
      for (std::size_t i = 0; i < values.span().size(); ++i) {
        values.span()[i] += step * direction.span()[i];
      }
    };
    move(kStep);
    const double above = test::train_step(model, 2);
    move(-2.0f * kStep);
    const double below = test::train_step(model, 2);
    CHECK((above - below) / (2.0 * double{kStep}) == doctest::Approx(analytic).epsilon(0.03));
  }
}

TEST_CASE("every model learns one batch by heart, the same bits twice, without new memory") {
  for (const ModelCase& c : model_cases()) {
    CAPTURE(c.name);
    Model model(c.config);
    model.parameters.initialize(1, 0.088f);
    const double first = test::train_step(model, 8);
    const Tensor grads = model.parameters.grads().clone();
    test::train_step(model, 8);
    CHECK(std::equal(grads.span().begin(), grads.span().end(),
                     model.parameters.grads().span().begin()));
    const std::uint64_t before = Pool::global().stats().system_allocations;
    const double last = learn(model, 40);
    CHECK(last < 0.2 * first);
    CHECK(Pool::global().stats().system_allocations == before);
  }
}

TEST_CASE("bf16 activations stay near f32 in every model") {
  for (const ModelCase& c : model_cases()) {
    CAPTURE(c.name);
    Model model(c.config);
    test::randomize(model);
    const Tensor images = test::random_images(c.config, 4);
    const Tensor low = predict(model, cast(images, DType::kBF16));
    CHECK(low.dtype() == DType::kBF16);
    CHECK(test::relative_error(cast(low, DType::kF32), predict(model, images)) < 0.06);
  }
}

TEST_CASE("the maps of all stages and every block's attention are handed out on request") {
  Model swin(test::tiny_v2_config()), vit(test::tiny_vit_config());
  const Tensor images = test::random_images(swin.config(), 2);
  Tape tape({.training = false});
  ModelTrace trace;
  const auto pyramid = swin.backbone().forward(tape, tape.constant(images), &trace);
  REQUIRE(pyramid.size() == 2);
  CHECK(pyramid[0].map.shape() == Shape{2, 8, 8, 16});
  CHECK(!pyramid[0].normed);
  CHECK(pyramid[1].map.shape() == Shape{2, 4, 4, 32});
  CHECK(pyramid[1].normed.shape() == Shape{2, 4, 4, 32});
  REQUIRE(trace.attention.size() == 4);
  CHECK(trace.attention[1].qkv.shape() == Shape{2, 8, 8, 48});
  CHECK(trace.attention[1].config.shift == std::array<std::int64_t, 2>{2, 2});
  CHECK(trace.attention[2].qkv.shape() == Shape{2, 4, 4, 96});
  CHECK(trace.attention[2].logit_scale.shape() == Shape{4});
  vit.forward(tape, tape.constant(images), &trace);  // forgets what was there before
  const auto row = vit.backbone().forward(tape, tape.constant(images));
  REQUIRE(row.size() == 1);
  CHECK(row[0].map.shape() == Shape{2, 1, 65, 16});
  CHECK(trace.attention.size() == 2);
}

TEST_CASE("images of other channels are no images, of another size not those of a classifier") {
  for (const ModelCase& c : model_cases()) {
    Model model(c.config);
    const auto [height, width] = c.config.image_size;
    const std::int64_t channels = c.config.in_channels;
    CHECK_THROWS_AS(predict(model, Tensor::zeros({1, height, width, channels + 1})), ShapeError);
    CHECK_THROWS_AS(predict(model, Tensor::zeros({height, width, channels})), ShapeError);
    CHECK_THROWS_AS(model.require_configured_size({1, height, width + 1, channels}), ShapeError);
    CHECK_THROWS_AS(model.require_configured_size({height, width, channels}), ShapeError);
    CHECK_THROWS_AS(model.require_configured_size({}), ShapeError);
    CHECK_NOTHROW(model.require_configured_size({3, height, width, channels}));
  }
}

}  // namespace
}  // namespace tessera
