#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/forward_detection.h"
#include "core/error.h"
#include "core/ops/resize.h"
#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "tasks/make_task.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"

namespace tessera {
namespace {

struct ForwardOptions {
  std::string model;
  std::string weights;
  std::string input;
  std::string output;
  std::string prefix;
  std::vector<std::string> overrides;
  std::vector<std::string> allow_missing;
  std::string precision = "f32";
  bool grad = false;
  bool train_mode = false;
  bool features = false;
  float label_smoothing = 0.0f;
};

// [B, C, H, W] -> [B, H, W, C]
Tensor to_channels_last(const Tensor& x) {
  const std::int64_t batch = x.dim(0), channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
  Tensor y = Tensor::empty({batch, x.dim(2), x.dim(3), channels});
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t i = 0; i < pixels; ++i) {
        y.f32()[(b * pixels + i) * channels + c] = x.f32()[(b * channels + c) * pixels + i];
      }
    }
  }
  return y;
}

// [B, H, W, C] -> [B, C, H, W]
Tensor to_channels_first(const Tensor& x) {
  const std::int64_t batch = x.dim(0), channels = x.dim(3), pixels = x.dim(1) * x.dim(2);
  Tensor y = Tensor::empty({batch, channels, x.dim(1), x.dim(2)});
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 0; i < pixels; ++i) {
      for (std::int64_t c = 0; c < channels; ++c) {
        y.f32()[(b * channels + c) * pixels + i] = x.f32()[(b * pixels + i) * channels + c];
      }
    }
  }
  return y;
}

Tensor as_f32(const Tensor& x) { return x.dtype() == DType::kF32 ? x : cast(x, DType::kF32); }

Tensor read_images(const TensorFile& file, const ModelConfig& model) {
  const Tensor input = file.f32("input");
  if (input.rank() != 4 || input.dim(1) != model.in_channels) {
    fail<ShapeError>("{}: input is {}, the model takes [B, {}, {}, {}]", file.path, input.shape(),
                     model.in_channels, model.image_size[0], model.image_size[1]);
  }
  return to_channels_last(input);
}

/// The configuration of a forward pass: nothing is dropped, and without --train-mode
/// the arithmetic is that of evaluation, also where gradients are recorded.
Config read_config(const ForwardOptions& options) {
  Config config = load_config(options.model, options.overrides);
  ModelConfig& model = config.model;
  model.drop_path = model.dropout = model.head.dropout = 0.0;
  if (!options.train_mode && model.head.norm == HeadNorm::kBatch) {
    model.head.norm = HeadNorm::kFrozenBatch;
  }
  config.task.loss = {.label_smoothing = double{options.label_smoothing}};
  return config;
}

/// Targets as a task's loss reads them.
Batch read_targets(const TensorFile& file, const Tensor& images, const Config& config,
                   const Task& task) {
  Batch batch;
  batch.images = images;
  const Tensor target = file.i32("target");
  if (task.targets() == TargetKind::kClass) {
    batch.labels = target;
    return batch;
  }
  if (task.targets() == TargetKind::kBoxes) {
    fail<ConfigError>("forward: targets of task detection are not read; leave --grad out");
  }
  const Shape wanted{images.dim(0), images.dim(1), images.dim(2)};
  if (target.shape() != wanted) {
    fail<ShapeError>("{}: target is {}, expected {}: a class for each pixel of the input",
                     file.path, target.shape(), wanted);
  }
  for (std::int32_t& label : target.span<std::int32_t>()) {
    if (label == config.data.ignored_value) label = kIgnored;
  }
  batch.masks = target;
  return batch;
}

/// What is written of the logits: [B, K], or enlarged to the images [B, K, H, W].
Tensor shown_logits(Tape& tape, const Var& logits, const Tensor& images) {
  if (logits.shape().rank() != 4) return as_f32(logits.value);
  const Var enlarged = ops::resize(tape, logits, {images.dim(1), images.dim(2)});
  return to_channels_first(as_f32(enlarged.value));
}

bool is_statistic(const NamedTensor& named) {
  return named.name.ends_with("running_mean") || named.name.ends_with("running_var");
}

/// `grad/NAME` of all parameters and `after/NAME` of the running statistics of batch norms, as in
/// the weights. Names depend on what else a model has, so it is renamed as a whole.
void append_renamed(const Model& model, const LoadReport& report, bool gradients,
                    std::vector<NamedTensor>& results) {
  std::vector<NamedTensor> tensors = named_values(model.parameters);
  const std::vector<NamedTensor> own = named_gradients(model.parameters);
  if (gradients) std::copy(own.begin(), own.end(), tensors.begin());
  for (NamedTensor& named : rename_tensors(tensors, report.naming)) {
    if (is_statistic(named) == gradients) continue;
    named.name.insert(0, gradients ? "grad/" : "after/");
    results.push_back(std::move(named));
  }
}

/// The loss, and its gradients if they are wanted.
void append_loss(Tape& tape, const Var& input, const Var& loss, Model& model,
                 const LoadReport& report, bool gradients, std::vector<NamedTensor>& results) {
  results.push_back({"loss", loss.value});
  if (!gradients) return;
  model.parameters.clear_gradients();
  tape.backward(loss);
  model.parameters.complete_gradients();
  results.push_back({"grad/input", to_channels_first(as_f32(tape.grad(input)))});
  append_renamed(model, report, /*gradients=*/true, results);
}

int run(const ForwardOptions& options) {
  Config config = read_config(options);
  const TensorFile weights = load_model_file(options.weights);
  adopt_norms(config.model, stored_model(weights));
  Model model(config.model);
  const std::unique_ptr<Task> task = make_task(config.task, config.model);
  // Only what may be missing keeps these values.
  model.parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const LoadReport report =
      load_weights(weights, named_values(model.parameters),
                   {.prefix = options.prefix.empty() ? std::nullopt : std::optional(options.prefix),
                    .allow_missing = options.allow_missing});
  if (report.count(LoadReport::Status::kLoaded) < report.lines.size()) {
    notice("{}", fmt::join(report.summary(), "\n"));
  }
  const TensorFile file = read_safetensors(options.input);
  const DType dtype = options.precision == "bf16" ? DType::kBF16 : DType::kF32;

  if (is_filling(config.model.head.type)) {
    fail<ConfigError>(
        "forward: what task simmim hides is drawn; tessera predict fills photos in, and a "
        "model of another head takes its weights");
  }
  const bool detects = is_detecting(config.model.head.type);
  const bool has_target =
      options.grad || file.find(detects ? "target/0/boxes" : "target") != nullptr;
  // An auxiliary head is part of the loss, and runs where a tape records.
  Tape tape({.training = has_target || options.train_mode});
  const Tensor images = read_images(file, config.model);
  const Var input = tape.leaf(dtype == DType::kF32 ? images : cast(images, dtype));
  const Size2 size{input.dim(1), input.dim(2)};
  if (!is_dense(config.model.head.type)) model.require_configured_size(input.shape());
  const std::vector<StageMap> maps = model.backbone().forward(tape, input);
  const std::vector<Var> outputs = model.head().forward(tape, maps, size);
  std::vector<NamedTensor> results;
  if (detects) {
    results = detection_results(config.model, outputs, size);
  } else {
    results.push_back({"logits", shown_logits(tape, outputs.front(), images)});
  }
  for (std::size_t i = 0; i < maps.size() && options.features; ++i) {
    results.push_back({fmt::format("features/{}", i), as_f32(maps[i].map.value)});
  }
  if (has_target) {
    const Var loss = detects ? detection_loss(tape, config.model, outputs, size, file, results)
                             : task->loss(tape, outputs, read_targets(file, images, config, *task));
    append_loss(tape, input, loss, model, report, options.grad, results);
  }
  if (options.train_mode) append_renamed(model, report, /*gradients=*/false, results);
  write_safetensors(options.output, results);
  return kExitOk;
}

}  // namespace

Action add_forward_command(Arguments& arguments) {
  auto options = std::make_shared<ForwardOptions>();
  arguments.add_option("--model", options->model, "Configuration whose model: section is built")
      .required();
  arguments
      .add_option("--set", options->overrides, "Override a key: --set model.padding=torchvision")
      .repeated();
  arguments
      .add_option("--weights", options->weights,
                  "Safetensors, .pth or a folder of either, in any naming that convert knows")
      .required();
  arguments.add_option("--prefix", options->prefix,
                       "What stands before the names: state_dict_ema. (else found by itself)");
  arguments
      .add_option("--allow-missing", options->allow_missing,
                  "Parameters that need not be in the weights, such as 'head.*': they start anew")
      .repeated();
  arguments
      .add_option(
          "--input", options->input,
          "Safetensors with input [B,C,H,W] and, for the loss, target: [B] of a classifier, "
          "[B,H,W] of segmentation; of a detector target/<i>/boxes [N,4] and "
          "target/<i>/labels [N] of each image")
      .required();
  arguments
      .add_option("--output", options->output,
                  "Safetensors to write: logits ([B,K], or [B,K,H,W] of segmentation), features/N, "
                  "loss, grad/input, grad/NAME as in the weights, after/NAME; of a detector "
                  "cls_logits, bbox_regression, bbox_ctrness, anchors, det/<i>/boxes, scores and "
                  "labels, loss/NAME, matched/<i>")
      .required();
  arguments.add_flag("--grad", options->grad, "Also the gradients of the loss");
  arguments.add_flag("--train-mode", options->train_mode,
                     "Batch norms use the statistics of the batch, as in a training step; also the "
                     "running ones after it: after/NAME. Nothing is dropped");
  arguments.add_flag(
      "--features", options->features,
      "Also what each stage puts out before merging and norm: features/N [B,h,w,C]; of a "
      "model with a class token [B,1,1+hw,C]");
  arguments.add_option("--label-smoothing", options->label_smoothing, "Of that loss")
      .between(0.0, 1.0);
  arguments.add_option("--precision", options->precision, "f32 or bf16")
      .one_of({"f32", "bf16"})
      .with_default();
  return [options] { return run(*options); };
}

}  // namespace tessera
