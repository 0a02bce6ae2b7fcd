// Agreement of segmentation models with transformers, mmsegmentation and the official repository.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ops/resize.h"
#include "formats/huggingface/model_json.h"
#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "tasks/make_task.h"
#include "tests/support/paths.h"
#include "train/config/config.h"

namespace tessera {
namespace {

using nlohmann::json;

TensorFile dense_fixture(const std::string& name) {
  return read_safetensors(test::fixture(name + ".safetensors"));
}

/// The fixture's model. In `evaluation` batch norms use their running statistics.
Config config_of(const TensorFile& file, bool evaluation) {
  const json model = json::parse(file.metadata.at("model"));
  const json config = {{"task", {{"name", "segmentation"}}},
                       {"model",
                        {{"image_size", model["image_size"]},
                         {"num_classes", model["num_classes"]},
                         {"patch_size", model["patch_size"]},
                         {"embed_dim", model["embed_dim"]},
                         {"depths", model["depths"]},
                         {"num_heads", model["num_heads"]},
                         {"window_size", model["window_size"]},
                         {"mlp_ratio", model["mlp_ratio"]},
                         {"drop_path", 0.0},
                         {"padding", "torchvision"},
                         {"window_policy", "keep"},
                         {"head",
                          {{"type", "upernet"},
                           {"channels", model["head_channels"]},
                           {"pool_scales", model["pool_scales"]},
                           {"norm", evaluation ? "frozen_batch" : "batch"},
                           {"dropout", 0.0},
                           {"auxiliary",
                            {{"weight", model["aux_weight"]},
                             {"stage", model["aux_index"]},
                             {"channels", model["aux_channels"]}}}}}}}};
  return parse_config(config.dump());
}

// [B, C, H, W] -> [B, H, W, C], or back
Tensor reordered(const Tensor& x, bool to_last) {
  const std::int64_t batch = x.dim(0), channels = x.dim(to_last ? 1 : 3);
  const std::int64_t height = x.dim(to_last ? 2 : 1), width = x.dim(to_last ? 3 : 2);
  const Tensor y = to_last ? Tensor::empty({batch, height, width, channels})
                           : Tensor::empty({batch, channels, height, width});
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 0; i < height * width; ++i) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t first = (b * channels + c) * height * width + i;
        const std::int64_t last = (b * height * width + i) * channels + c;
        y.f32()[to_last ? last : first] = x.f32()[to_last ? first : last];
      }
    }
  }
  return y;
}

/// The largest difference by the largest value of what is expected.
double error_of(const Tensor& actual, const Tensor& expected) {
  double worst = 0.0, largest = 1e-30;
  REQUIRE(actual.numel() == expected.numel());
  for (std::size_t i = 0; i < expected.span().size(); ++i) {
    worst = std::max(worst, std::abs(double{actual.span()[i]} - double{expected.span()[i]}));
    largest = std::max(largest, std::abs(double{expected.span()[i]}));
  }
  return worst / largest;
}

/// What one forward and backward pass gives.
struct Run {
  Tensor logits;  ///< [B, K, H, W]
  double loss = 0.0;
  Tensor input_gradient;
  LoadReport report;
  std::unique_ptr<Model> model;
};

Run run_fixture(const TensorFile& file, bool evaluation) {
  const Config config = config_of(file, evaluation);
  Run run;
  run.model = std::make_unique<Model>(config.model);
  run.report =
      load_weights(file, named_values(run.model->parameters), {.prefix = std::string("param/")});
  CHECK(run.report.count(LoadReport::Status::kLoaded) == run.report.lines.size());
  Batch batch;
  batch.images = reordered(file.f32("input"), true);
  batch.masks = file.i32("target");
  Tape tape;
  run.model->parameters.clear_gradients();
  const Var input = tape.leaf(batch.images);
  const std::vector<Var> outputs = run.model->forward(tape, input);
  const Size2 size{input.dim(1), input.dim(2)};
  run.logits = reordered(ops::resize(tape, outputs.front(), size).value, false);
  const Var loss = make_task(config.task, config.model)->loss(tape, outputs, batch);
  run.loss = double{loss.value.f32()[0]};
  tape.backward(loss);
  run.input_gradient = reordered(tape.grad(input), false);
  return run;
}

void check_outputs(const Run& run, const TensorFile& file) {
  CHECK(error_of(run.logits, file.f32("logits")) < 1e-5);
  CHECK(run.loss == doctest::Approx(double{file.f32("loss").f32()[0]}).epsilon(1e-5));
}

void check_gradients(const Run& run, const TensorFile& file) {
  const json zero = json::parse(file.metadata.at("zero_grads"));
  const std::set<std::string> zeros(zero.begin(), zero.end());
  CHECK(error_of(run.input_gradient, file.f32("grad/input")) < 1e-3);
  std::size_t seen = 0;
  // With the statistics, which tell that the head has batch norms.
  std::vector<NamedTensor> tensors = named_gradients(run.model->parameters);
  for (const NamedTensor& named : named_values(run.model->parameters)) {
    if (named.name.find("running_") != std::string::npos) tensors.push_back(named);
  }
  for (const NamedTensor& named : rename_tensors(tensors, run.report.naming)) {
    if (named.name.find("running_") != std::string::npos) continue;
    CAPTURE(named.name);
    const Tensor expected = file.f32("grad/" + named.name);
    ++seen;
    if (zeros.contains(named.name)) {
      for (const float g : named.tensor.span()) CHECK(std::abs(g) < 1e-5);
    } else {
      CHECK(error_of(named.tensor, expected) < 1e-3);
    }
  }
  const auto gradients = std::ranges::count_if(
      file.tensors, [](const StoredTensor& t) { return t.name.starts_with("grad/"); });
  CHECK(static_cast<std::int64_t>(seen) + 1 == gradients);
}

TEST_CASE("UPerNet of transformers: logits, loss and every gradient in evaluation") {
  const TensorFile file = dense_fixture("hf_upernet_swin_eval");
  const Run run = run_fixture(file, true);
  CHECK(run.report.naming == Naming::kHuggingFace);
  check_outputs(run, file);
  check_gradients(run, file);
}

TEST_CASE("UPerNet of transformers: a training step with the statistics of the batch") {
  const TensorFile file = dense_fixture("hf_upernet_swin_train");
  const Run run = run_fixture(file, false);
  check_outputs(run, file);
  check_gradients(run, file);
  std::size_t seen = 0;
  for (const NamedTensor& named :
       rename_tensors(named_values(run.model->parameters), run.report.naming)) {
    if (named.name.find("running_") == std::string::npos) continue;
    CAPTURE(named.name);
    ++seen;
    CHECK(error_of(named.tensor, file.f32("after/" + named.name)) < 1e-5);
  }
  CHECK(seen == 26);
}

TEST_CASE("UPerNet under the names of mmsegmentation and of the official repository") {
  for (const auto& [name, naming] : {std::pair{"mmseg_upernet_swin", Naming::kOpenMmlab},
                                     std::pair{"official_seg_upernet_swin", Naming::kOfficial}}) {
    CAPTURE(name);
    const TensorFile file = dense_fixture(name);
    const Run run = run_fixture(file, true);
    CHECK(run.report.naming == naming);
    check_outputs(run, file);
  }
}

TEST_CASE("the config.json of a UPerNet describes the model, and is written from it") {
  const TensorFile file = dense_fixture("hf_upernet_swin_eval");
  const HuggingFaceModel read = parse_huggingface_model(file.metadata.at("hf_config"), "c.json");
  ModelConfig expected = config_of(file, false).model;
  CHECK(read.classes.size() == 5);
  const auto text = [](const ModelConfig& model) {
    Config config;
    config.task.name = TaskName::kSegmentation;
    config.has_data = false;
    config.model = model;
    return to_yaml(config);
  };
  expected.norm_epsilon = read.model.norm_epsilon;
  expected.patch_norm_epsilon = read.model.patch_norm_epsilon;
  CHECK(text(read.model) == text(expected));
  const std::string written = huggingface_model(read.model, read.classes);
  CHECK(text(parse_huggingface_model(written, "c.json").model) == text(expected));
  ModelConfig other = expected;
  other.head.norm = HeadNorm::kGroup;
  CHECK_THROWS_WITH_AS(huggingface_model(other, {}), doctest::Contains("model.head.norm"),
                       ConfigError);
}

}  // namespace
}  // namespace tessera
