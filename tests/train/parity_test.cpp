// Agreement with reference implementations, on models whose every parameter is random.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/ops/cross_entropy.h"
#include "layers/model.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tests/support/gradient_check.h"
#include "train/config/config.h"
#include "train/weights/load_weights.h"
#include "train/weights/safetensors.h"

namespace tessera {
namespace {

TensorFile fixture(const std::string& name) {
  return read_safetensors(std::string(TESSERA_FIXTURES) + "/" + name + ".safetensors");
}

/// The fixture's model under the conventions of the framework it comes from; nothing is dropped.
ModelConfig model_of(const TensorFile& file) {
  const bool torchvision = file.metadata.at("family") == "torchvision";
  nlohmann::json model = nlohmann::json::parse(file.metadata.at("model"));
  if (model.value("absolute_position", false)) model["position"] = {"auto", "absolute"};
  model.erase("absolute_position");
  model["padding"] = "torchvision";
  model["window_policy"] = torchvision ? "pad" : "clamp";
  model["drop_path"] = 0.0;
  return parse_config(nlohmann::json{{"model", model}}.dump()).model;
}

// [..., C, H, W] of `count` images -> [count, H, W, C]
Tensor channels_last(const Tensor& x, std::int64_t count, const ModelConfig& model) {
  const std::int64_t channels = model.in_channels;
  const std::int64_t pixels = model.image_size[0] * model.image_size[1];
  Tensor y = Tensor::empty({count, model.image_size[0], model.image_size[1], channels});
  for (std::int64_t b = 0; b < count; ++b) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t i = 0; i < pixels; ++i) {
        y.f32()[(b * pixels + i) * channels + c] = x.f32()[(b * channels + c) * pixels + i];
      }
    }
  }
  return y;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double worst = 0.0;
  for (std::size_t i = 0; i < a.span().size(); ++i) {
    worst = std::max(worst, std::abs(double{a.span()[i]} - double{b.span()[i]}));
  }
  return worst;
}

void check_gradients_of(const std::string& name) {
  CAPTURE(name);
  const TensorFile file = fixture(name);
  const ModelConfig config = model_of(file);
  Model model(config);
  const LoadReport report =
      load_weights(file, named_values(model.parameters), {.prefix = "param/"});
  const Tensor input = file.f32("input");
  const auto smoothing = file.metadata.find("label_smoothing");

  Tape tape;
  const Var images = tape.leaf(channels_last(input, input.dim(0), config));
  const Var logits = model.network.forward(tape, images);
  CHECK(largest_difference(logits.value, file.f32("logits")) < 1e-4);
  const Var loss =
      ops::cross_entropy(tape, logits, file.i32("target"),
                         smoothing == file.metadata.end() ? 0.0f : std::stof(smoothing->second));
  CHECK(largest_difference(loss.value, file.f32("loss")) < 1e-4);
  tape.backward(loss);
  CHECK(test::relative_error(tape.grad(images),
                             channels_last(file.f32("grad/input"), input.dim(0), config)) < 1e-3);
  for (const NamedTensor& gradient :
       rename_tensors(named_gradients(model.parameters), report.naming, "grad/")) {
    CAPTURE(gradient.name);
    CHECK(test::relative_error(gradient.tensor, file.f32(gradient.name)) < 1e-3);
  }
}

TEST_CASE("logits and every gradient agree with torchvision's Swin") {
  for (const char* name : {"swin_32", "swin_pad_30x26", "swin_p4_w7_56"}) check_gradients_of(name);
}

TEST_CASE("logits and every gradient agree with timm's and the official Swin") {
  for (const char* name : {"timm_swin_32", "official_swin_32", "official_swin_32_ape"}) {
    check_gradients_of(name);
  }
}

TEST_CASE("logits and every gradient agree with the Swin v2 of torchvision, timm and its authors") {
  for (const char* name :
       {"swin_v2_32", "swin_v2_pad_30x26", "timm_swin_v2_32", "official_swin_v2_32"}) {
    check_gradients_of(name);
  }
}

TEST_CASE("logits and every gradient agree with torchvision's ViT") {
  check_gradients_of("vit_32");
}

OptimConfig optimizer_of(const nlohmann::json& train) {
  OptimConfig config;
  config.name = train["optimizer"] == "sgd" ? OptimizerName::kSgd : OptimizerName::kAdamW;
  config.lr = train["base_lr"];
  config.weight_decay = train["weight_decay"];
  config.clip_norm = train["clip_norm"];
  config.betas = {train["betas"][0], train["betas"][1]};
  config.eps = train["eps"];
  config.momentum = train["momentum"];
  config.nesterov = train["nesterov"];
  config.schedule.name = ScheduleName::kCosine;
  config.schedule.warmup_epochs = train["warmup_steps"];  // one step an epoch
  config.schedule.min_lr = config.lr * train["min_lr_ratio"].get<double>();
  return config;
}

void check_trajectory_of(const std::string& name) {
  CAPTURE(name);
  const TensorFile file = fixture(name);
  const nlohmann::json train = nlohmann::json::parse(file.metadata.at("train"));
  const ModelConfig model_config = model_of(file);
  const OptimConfig config = optimizer_of(train);
  Model model(model_config);
  load_weights(file, named_values(model.parameters), {.prefix = "param/"});
  const auto optimizer = make_optimizer(config, model.parameters);
  const Tensor inputs = file.f32("inputs"), targets = file.i32("targets");
  const std::int64_t steps = targets.dim(0), batch = targets.dim(1);
  for (std::int64_t step = 0; step < steps; ++step) {
    CAPTURE(step);
    const auto at = static_cast<std::size_t>(step);
    const double lr = learning_rate(config, step, steps, 1);
    CHECK(lr == doctest::Approx(double{file.f32("lrs").span()[at]}).epsilon(1e-5));
    const std::int64_t floats = inputs.numel() / steps;
    const Tensor images = channels_last(inputs.slice(step * floats, {floats}), batch, model_config);
    Tape tape;
    model.parameters.clear_gradients();
    const Var loss = ops::cross_entropy(tape, model.network.forward(tape, tape.constant(images)),
                                        targets.slice(step * batch, {batch}),
                                        train["label_smoothing"].get<float>());
    tape.backward(loss);
    const double norm = gradient_norm(model.parameters);
    CHECK(std::abs(double{loss.value.f32()[0]} - double{file.f32("losses").span()[at]}) < 1e-4);
    CHECK(norm == doctest::Approx(double{file.f32("grad_norms").span()[at]}).epsilon(1e-3));
    optimizer->step(lr, static_cast<float>(clip_factor(norm, config.clip_norm)));
  }
  for (const NamedTensor& value :
       rename_tensors(named_values(model.parameters), Naming::kTorchvision, "final/")) {
    CAPTURE(value.name);
    CHECK(largest_difference(value.tensor, file.f32(value.name)) < 1e-3);
  }
}

TEST_CASE("twelve steps of AdamW and of SGD give torch's losses and parameters") {
  check_trajectory_of("swin_train_adamw");
  check_trajectory_of("swin_train_sgd");
}

}  // namespace
}  // namespace tessera
