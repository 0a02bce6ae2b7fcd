// What every head of semantic segmentation must get right, and what tells them apart.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/resize.h"
#include "layers/heads/make_head.h"
#include "layers/model.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_merging.h"
#include "layers/stage_plan.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

ModelConfig dense_config(HeadType type) {
  ModelConfig config = test::tiny_config();
  config.image_size = {36, 28};
  config.depths = {2, 1, 1, 1};
  config.num_heads = {2, 4, 8, 16};
  config.window_policy = WindowPolicy::kKeep;
  config.patch_embed.edge = PatchEdge::kPad;
  config.head = {.type = type, .channels = 12, .dropout = 0.0};
  config.head.auxiliary.channels = 8;
  return config;
}

template <typename Change>
ModelConfig with_head(ModelConfig config, Change change) {
  change(config);
  return config;
}

struct HeadCase {
  std::string name;
  ModelConfig config;
};

std::vector<HeadCase> head_cases() {
  const ModelConfig upernet = dense_config(HeadType::kUperNet);
  const ModelConfig fpn = dense_config(HeadType::kFpn), fcn = dense_config(HeadType::kFcn);
  return {
      {"upernet", upernet},
      {"upernet, batch norm, other scales", with_head(upernet,
                                                      [](ModelConfig& c) {
                                                        c.head.norm = HeadNorm::kBatch;
                                                        c.head.pool_scales = {1, 5};
                                                      })},
      {"upernet, layer norm, dropout, two auxiliary convolutions on stage 0",
       with_head(upernet,
                 [](ModelConfig& c) {
                   c.head.norm = HeadNorm::kLayer;
                   c.head.dropout = 0.5;
                   c.head.auxiliary.stage = 0;
                   c.head.auxiliary.convs = 2;
                 })},
      {"upernet on a plain ViT", with_head(upernet,
                                           [](ModelConfig& c) {
                                             c.name = ModelName::kViT;
                                             c.depths = {2};
                                             c.num_heads = {2};
                                             c.position = {.relative = false, .absolute = true};
                                           })},
      {"upernet on Swin v2, frozen statistics", with_head(upernet,
                                                          [](ModelConfig& c) {
                                                            c.name = ModelName::kSwinV2;
                                                            c.position = {.relative = false,
                                                                          .continuous = true};
                                                            c.head.norm = HeadNorm::kFrozenBatch;
                                                          })},
      {"fpn", fpn},
      {"fpn, sum, no auxiliary head", with_head(fpn,
                                                [](ModelConfig& c) {
                                                  c.head.join = LevelJoin::kSum;
                                                  c.head.auxiliary.on = false;
                                                })},
      {"fcn", fcn},
      {"fcn without convolutions", with_head(fcn, [](ModelConfig& c) { c.head.convs = 0; })},
      {"fcn, auxiliary on the same stage", with_head(fcn,
                                                     [](ModelConfig& c) {
                                                       c.head.auxiliary.stage = 3;
                                                       c.head.auxiliary.convs = 0;
                                                     })},
  };
}

/// As tasks/segmentation has it: cross entropy of logits enlarged to the labels.
Var loss_of(Tape& tape, const Var& logits, const Tensor& labels) {
  const Var enlarged = ops::resize(tape, logits, {labels.dim(1), labels.dim(2)});
  return ops::pixel_cross_entropy(tape, enlarged, labels);
}

Tensor pixel_labels(const ModelConfig& config, std::int64_t batch) {
  const Tensor labels =
      Tensor::empty({batch, config.image_size[0], config.image_size[1]}, DType::kI32);
  std::int32_t next = 0;
  for (std::int32_t& label : labels.span<std::int32_t>()) {
    label = (next++ / 7) % static_cast<std::int32_t>(config.num_classes);
  }
  return labels;
}

double train_step(Model& model, std::int64_t batch, std::uint64_t step = 0) {
  model.parameters.clear_gradients();
  Tape tape({.training = true, .step = step});
  const Tensor images = test::random_images(model.config(), batch);
  const Tensor labels = pixel_labels(model.config(), batch);
  const std::vector<Var> outputs = model.forward(tape, tape.constant(images));
  Var loss = loss_of(tape, outputs[0], labels);
  if (outputs.size() > 1) loss = ops::add(tape, loss, loss_of(tape, outputs[1], labels));
  tape.backward(loss);
  return double{loss.value.f32()[0]};
}

TEST_CASE("segmentation heads: every parameter gets a gradient") {
  for (const auto& [name, config] : head_cases()) {
    CAPTURE(name);
    Model model(config);
    test::randomize(model);
    CHECK(std::isfinite(train_step(model, 3)));
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      CAPTURE(entry.name);
      double size = 0.0;
      for (const float g : entry.parameter->grad.span()) size += std::abs(double{g});
      CHECK(entry.parameter->grad_ready);
      CHECK(std::isfinite(size));
      CHECK(size > 0.0);
      CHECK(entry.parameter->in_head == entry.name.starts_with("head."));
    }
  }
}

TEST_CASE(
    "segmentation heads: logits at the finest map read, the auxiliary ones in training only") {
  for (const auto& [name, config] : head_cases()) {
    CAPTURE(name);
    Model model(config);
    test::randomize(model);
    const bool fcn = config.head.type == HeadType::kFcn;
    const std::int64_t batch = 2, classes = config.num_classes;
    for (const Size2 size : {config.image_size, Size2{41, 23}}) {
      const bool table = config.position.absolute && size != config.image_size;
      if (table && config.name == ModelName::kSwin) continue;
      const Tensor images = test::random_tensor({batch, size[0], size[1], 3}, 5);
      Tape plain({.training = false}), recording;
      const auto evaluated = model.forward(plain, plain.constant(images));
      REQUIRE(evaluated.size() == 1);
      Size2 map{(size[0] + 1) / 2, (size[1] + 1) / 2};
      for (int halvings = fcn ? 3 : 0; halvings > 0; --halvings) map = merged(map);
      CHECK(evaluated[0].shape() == Shape{batch, map[0], map[1], classes});
      const auto trained = model.forward(recording, recording.constant(images));
      REQUIRE(trained.size() == (config.head.auxiliary.on ? 2u : 1u));
      CHECK(trained[0].shape() == evaluated[0].shape());
    }
  }
}

TEST_CASE("segmentation heads: samples do not depend on their neighbours in evaluation") {
  for (const auto& [name, config] : head_cases()) {
    CAPTURE(name);
    Model model(config);
    test::randomize(model);
    train_step(model, 3);  // running statistics other than at first
    const Tensor images = test::random_images(config, 2);
    Tape tape({.training = false});
    const Tensor both = model.forward(tape, tape.constant(images))[0].value;
    const Tensor second = images.slice(images.numel() / 2, {1, images.dim(1), images.dim(2), 3});
    const Tensor alone = model.forward(tape, tape.constant(second))[0].value;
    CHECK(test::relative_error(both.slice(both.numel() / 2, alone.shape()), alone) < 1e-5);
  }
}

TEST_CASE("segmentation heads learn one batch") {
  for (const auto& [name, config] : head_cases()) {
    if (config.head.norm == HeadNorm::kFrozenBatch) continue;
    CAPTURE(name);
    Model model(with_head(config, [](ModelConfig& c) { c.head.dropout = 0.0; }));
    model.parameters.initialize(3, 0.1f);
    const double first = train_step(model, 2);
    for (std::uint64_t step = 1; step < 25; ++step) {
      const std::span<float> values = model.parameters.values().span();
      const std::span<const float> gradient = model.parameters.grads().span();
      double square = 0.0;
      for (const float g : gradient) square += double{g} * double{g};
      const auto rate = static_cast<float>(0.3 / std::max(1.0, std::sqrt(square)));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradient[i];
      train_step(model, 2, step);
    }
    CHECK(train_step(model, 2) < 0.9 * first);
  }
}

TEST_CASE("segmentation heads: running statistics are buffers, and only batch norm has them") {
  ModelConfig config = dense_config(HeadType::kUperNet);
  CHECK(Model(config).parameters.buffers().empty());
  config.head.norm = HeadNorm::kBatch;
  Model model(config);
  std::vector<std::string> names;
  for (const auto& buffer : model.parameters.buffers()) names.push_back(buffer.name);
  CHECK(names.size() == 2 * (4 + 1 + 3 + 3 + 1 + 1));
  CHECK(std::ranges::count(names, "head.pools.3.norm.running_mean") == 1);
  CHECK(std::ranges::count(names, "head.auxiliary.convs.0.norm.running_var") == 1);
  test::randomize(model);
  train_step(model, 2);
  for (const auto& buffer : model.parameters.buffers()) {
    const float initial = buffer.buffer->initial;
    const auto values = buffer.buffer->value.span();
    CHECK(std::ranges::any_of(values, [&](float v) { return v != initial; }));
  }
}

TEST_CASE("nothing is built that no head reads") {
  ModelConfig config = dense_config(HeadType::kFcn);
  const auto norms = [](const ModelConfig& c) {
    Model model(c);
    std::vector<std::string> found;
    for (const auto& entry : model.parameters.entries()) {
      if (entry.name.starts_with("norm") && entry.name.ends_with(".weight")) {
        found.push_back(entry.name.substr(0, entry.name.find('.')));
      }
    }
    return found;
  };
  CHECK(norms(config) == std::vector<std::string>{"norm2", "norm3"});
  config.head.auxiliary.on = false;
  CHECK(norms(config) == std::vector<std::string>{"norm3"});
  config.head.type = HeadType::kFpn;
  CHECK(norms(config) == std::vector<std::string>{"norm0", "norm1", "norm2", "norm3"});
}

TEST_CASE("Swin-T with UPerNet of 512 channels has the published size") {
  ModelConfig config;
  config.image_size = {512, 2048};
  config.num_classes = 150;
  config.window_policy = WindowPolicy::kKeep;
  config.head = {.type = HeadType::kUperNet, .channels = 512, .norm = HeadNorm::kBatch};
  config.head.auxiliary.channels = 256;
  Model model(config);
  CHECK(model.parameters.count() == doctest::Approx(59.9e6).epsilon(0.001));
  const ModelPlan plan = plan_model(config);
  CHECK(static_cast<double>(plan.macs()) == doctest::Approx(945e9).epsilon(0.005));
  CHECK(plan.head.auxiliary_macs == std::int64_t{32 * 128} * (384 * 256 * 9 + 256 * 150));
}

TEST_CASE("what a dense head cannot have is refused with its keys") {
  const auto problem = [](const ModelConfig& config) {
    const auto problems = head_problems(config);
    REQUIRE(problems.size() == 1);
    return problems.front();
  };
  ModelConfig config = dense_config(HeadType::kUperNet);
  CHECK(head_problems(config).empty());
  config.head.auxiliary.stage = 4;
  CHECK(problem(config).keys.front() == "model.head.auxiliary.stage");
  CHECK(problem(config).text.find("stages 0 to 3; use auto, or auxiliary: none") !=
        std::string::npos);
  config.head.auxiliary.on = false;
  CHECK(head_problems(config).empty());
  config.head.pool_scales = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(problem(config).text.find("8 entries; give 1 to 7") != std::string::npos);
  config.head.type = HeadType::kFpn;
  CHECK(head_problems(config).empty());
  config.pool = Pooling::kToken;
  CHECK(problem(config).text.find("use mean") != std::string::npos);
}

}  // namespace
}  // namespace tessera
