// Agreement with reference implementations, on models whose every parameter is random.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/ops/cross_entropy.h"
#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tests/support/gradient_check.h"
#include "tests/support/paths.h"
#include "train/config/config.h"

namespace tessera {
namespace {

TensorFile fixture(const std::string& name) {
  return read_safetensors(test::fixture(name + std::string(".safetensors")));
}

/// That of a fixture of Hugging Face's, whose configuration has words of its own.
ModelConfig huggingface_model(nlohmann::json model) {
  if (model.value("absolute_position", false)) model["position"] = {"auto", "absolute"};
  if (model["name"] == "vit") {
    model["patch_embed"] = {{"norm", false}};
    model["pool"] = "token";
    model["depths"] = {model["depth"]};
    model["num_heads"] = {model["num_heads"]};
    model["mlp_ratio"] = model["mlp_hidden"].get<double>() / model["embed_dim"].get<double>();
  }
  model["norm_epsilon"] = model["layer_norm_eps"];
  nlohmann::json windows = model.value("pretrained_window_sizes", nlohmann::json());
  if (windows.is_array()) {
    while (windows.size() > model["depths"].size()) windows.erase(windows.size() - 1);
    model["pretrained_window_size"] = windows;
  }
  for (const char* key : {"absolute_position", "depth", "mlp_hidden", "class_token",
                          "layer_norm_eps", "pretrained_window_sizes"}) {
    model.erase(key);
  }
  model["padding"] = "torchvision";
  model["drop_path"] = 0.0;
  return parse_config(nlohmann::json{{"model", model}}.dump()).model;
}

/// The fixture's model under the conventions of the framework it comes from; nothing is dropped.
ModelConfig model_of(const TensorFile& file) {
  const std::string& family = file.metadata.at("family");
  nlohmann::json model = nlohmann::json::parse(file.metadata.at("model"));
  if (family == "huggingface") return huggingface_model(model);
  if (model.value("absolute_position", false)) model["position"] = {"auto", "absolute"};
  model.erase("absolute_position");
  model["padding"] = family == "timm" ? "timm" : "torchvision";
  model["window_policy"] = family == "torchvision" ? "pad" : "clamp";
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

/// Length of the difference of what was added, as if all of it were one vector.
struct Distance {
  double difference = 0.0;  // squared, as the next
  double length = 0.0;

  void add(const Tensor& actual, const Tensor& expected) {
    for (std::size_t i = 0; i < actual.span().size(); ++i) {
      difference += std::pow(double{actual.span()[i]} - double{expected.span()[i]}, 2);
      length += std::pow(double{expected.span()[i]}, 2);
    }
  }
  double absolute() const { return std::sqrt(difference); }
  double relative() const { return std::sqrt(difference / length); }
};

double relative_distance(const Tensor& actual, const Tensor& expected) {
  Distance distance;
  distance.add(actual, expected);
  return distance.relative();
}

/// A fixture's model and what it makes of the fixture's images.
struct Pass {
  TensorFile file;
  ModelConfig config;
  Model model;
  Naming naming;
  Tensor logits, loss, dimages;  // f32

  Pass(const std::string& name, DType dtype)
      : file(fixture(name)), config(model_of(file)), model(config) {
    naming = load_weights(file, named_values(model.parameters), {.prefix = "param/"}).naming;
    const Tensor input = file.f32("input");
    const auto smoothing = file.metadata.find("label_smoothing");
    Tape tape;
    const Var images = tape.leaf(cast(channels_last(input, input.dim(0), config), dtype));
    const Var output = model.forward(tape, images)[0];
    const Var mean =
        ops::cross_entropy(tape, output, file.i32("target"),
                           smoothing == file.metadata.end() ? 0.0f : std::stof(smoothing->second));
    tape.backward(mean);
    logits = cast(output.value, DType::kF32);
    loss = mean.value;
    dimages = cast(tape.grad(images), DType::kF32);
  }

  Tensor expected_dimages() const {
    const Tensor input = file.f32("input");
    return channels_last(file.f32("grad/input"), input.dim(0), config);
  }

  std::vector<NamedTensor> gradients() {
    return rename_tensors(named_gradients(model.parameters), naming, "grad/");
  }
};

void check_gradients_of(const std::string& name) {
  CAPTURE(name);
  Pass pass(name, DType::kF32);
  CHECK(largest_difference(pass.logits, pass.file.f32("logits")) < 1e-4);
  CHECK(largest_difference(pass.loss, pass.file.f32("loss")) < 1e-4);
  CHECK(test::relative_error(pass.dimages, pass.expected_dimages()) < 1e-3);
  // Zero by mathematics, such as the bias of keys: what stands there is rounding.
  const auto zeros = nlohmann::json::parse(
      pass.file.metadata.contains("zero_grads") ? pass.file.metadata.at("zero_grads") : "[]");
  for (const NamedTensor& gradient : pass.gradients()) {
    CAPTURE(gradient.name);
    const Tensor expected = pass.file.f32(gradient.name);
    if (std::find(zeros.begin(), zeros.end(), gradient.name.substr(5)) != zeros.end()) {
      CHECK(largest_difference(gradient.tensor, expected) < 1e-5);
    } else {
      CHECK(test::relative_error(gradient.tensor, expected) < 1e-3);
    }
  }
}

TEST_CASE("logits and every gradient agree with torchvision's Swin") {
  for (const char* name : {"swin_32", "swin_pad_30x26", "swin_p4_w7_56"}) check_gradients_of(name);
}

TEST_CASE("logits and every gradient agree with timm's and the official Swin") {
  for (const char* name :
       {"timm_swin_32", "timm_swin_pad_22x14", "official_swin_32", "official_swin_32_ape"}) {
    check_gradients_of(name);
  }
}

TEST_CASE("logits and every gradient agree with the Swin v2 of torchvision, timm and its authors") {
  for (const char* name : {"swin_v2_32", "swin_v2_pad_30x26", "timm_swin_v2_32",
                           "timm_swin_v2_pad_22x14", "official_swin_v2_32"}) {
    check_gradients_of(name);
  }
}

TEST_CASE("logits and every gradient agree with torchvision's ViT") {
  check_gradients_of("vit_32");
}

TEST_CASE("logits and every gradient agree with Hugging Face's Swin, Swin v2 and ViT") {
  for (const char* name :
       {"hf_swin_32", "hf_swin_ape_30x26", "hf_swin_v2_32", "hf_swin_v2_pw_40", "hf_vit_32"}) {
    check_gradients_of(name);
  }
}

// Single values of bf16 are 2^-9 off at most; the many on the way to a result add up. Cosine
// attention and the small network behind its bias add more of them.
void check_bf16_gradients_of(const std::string& name, double tolerance) {
  CAPTURE(name);
  Pass pass(name, DType::kBF16);
  CHECK(relative_distance(pass.logits, pass.file.f32("logits")) < 0.02);
  CHECK(largest_difference(pass.loss, pass.file.f32("loss")) < 0.02);
  CHECK(relative_distance(pass.dimages, pass.expected_dimages()) < tolerance);
  Distance all;
  for (const NamedTensor& gradient : pass.gradients()) {
    all.add(gradient.tensor, pass.file.f32(gradient.name));
  }
  CHECK(all.relative() < tolerance);
  for (const NamedTensor& gradient : pass.gradients()) {
    CAPTURE(gradient.name);
    Distance one;
    one.add(gradient.tensor, pass.file.f32(gradient.name));
    // What nearly cancels out is measured against the whole gradient.
    CHECK(one.absolute() <
          tolerance * std::sqrt(one.length) + 0.1 * tolerance * std::sqrt(all.length));
  }
}

TEST_CASE("in bf16 logits and every gradient stay near the references") {
  for (const char* name : {"swin_32", "swin_pad_30x26", "swin_p4_w7_56", "timm_swin_32",
                           "official_swin_32", "official_swin_32_ape", "vit_32"}) {
    check_bf16_gradients_of(name, 0.03);
  }
  for (const char* name :
       {"swin_v2_32", "swin_v2_pad_30x26", "timm_swin_v2_32", "official_swin_v2_32"}) {
    check_bf16_gradients_of(name, 0.08);
  }
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

/// How far a training may be from the fixture's.
struct Tolerance {
  double loss;       ///< absolute
  double grad_norm;  ///< relative
  double value;      ///< of any parameter at the end, absolute
  double path;       ///< of all of them, relative to the way they went
};

Tensor difference(const Tensor& a, const Tensor& b) {
  const Tensor c = a.clone();
  for (std::size_t i = 0; i < c.span().size(); ++i) c.span()[i] -= b.span()[i];
  return c;
}

void check_trajectory_of(const std::string& name, DType dtype, const Tolerance& tolerance) {
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
    // The reference reaches min_lr after its last step.
    const double lr = learning_rate(config.schedule, config.lr, step, steps + 1, 1);
    CHECK(lr == doctest::Approx(double{file.f32("lrs").span()[at]}).epsilon(1e-5));
    const std::int64_t floats = inputs.numel() / steps;
    const Tensor images = channels_last(inputs.slice(step * floats, {floats}), batch, model_config);
    Tape tape;
    model.parameters.clear_gradients();
    const Var logits = model.forward(tape, tape.constant(cast(images, dtype)))[0];
    const Var loss = ops::cross_entropy(tape, logits, targets.slice(step * batch, {batch}),
                                        train["label_smoothing"].get<float>());
    tape.backward(loss);
    const double norm = gradient_norm(model.parameters);
    CHECK(std::abs(double{loss.value.f32()[0]} - double{file.f32("losses").span()[at]}) <
          tolerance.loss);
    CHECK(norm ==
          doctest::Approx(double{file.f32("grad_norms").span()[at]}).epsilon(tolerance.grad_norm));
    optimizer->step(lr, static_cast<float>(clip_factor(norm, config.clip_norm)));
  }
  Distance path;
  for (const NamedTensor& value :
       rename_tensors(named_values(model.parameters), Naming::kTorchvision, "final/")) {
    CAPTURE(value.name);
    const Tensor expected = file.f32(value.name), start = file.f32("param/" + value.name.substr(6));
    CHECK(largest_difference(value.tensor, expected) < tolerance.value);
    path.add(difference(value.tensor, start), difference(expected, start));
  }
  CHECK(path.relative() < tolerance.path);
}

TEST_CASE("twelve steps of AdamW and of SGD give torch's losses and parameters") {
  for (const char* name : {"swin_train_adamw", "swin_train_sgd"}) {
    check_trajectory_of(name, DType::kF32, {1e-4, 1e-3, 1e-3, 2e-3});
  }
}

TEST_CASE("in bf16 twelve steps stay near torch's losses and parameters") {
  for (const char* name : {"swin_train_adamw", "swin_train_sgd"}) {
    check_trajectory_of(name, DType::kBF16, {2e-2, 5e-2, 1e-2, 0.1});
  }
}

}  // namespace
}  // namespace tessera
