#include <fmt/core.h>

#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/json.h"
#include "formats/onnx/model_graph.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct ExportOptions {
  std::string path;
  std::string output;
  std::string weights;
  std::string layout = "nhwc";
  bool preprocess = false;
  std::vector<std::string> overrides;
  bool detections = false;
};

// What a program needs to know to feed the model and read its answer; values are JSON.
std::vector<std::pair<std::string, std::string>> metadata(const Config& config) {
  const auto json = [](const auto& value) { return json_text(value); };
  const char* const filter =
      config.data.resize.interpolation == Interpolation::kBicubic ? "bicubic" : "bilinear";
  const bool keeps_aspect = is_dense(config.model.head.type);
  std::vector<std::pair<std::string, std::string>> pairs{
      {"image_size", json(config.model.image_size)},
      {"resize",
       json(keeps_aspect
                ? fmt::format("{} with antialiasing until its sides fit within image_size, then "
                              "pixels / 255, normalised, at the upper left corner of zeros",
                              filter)
                : fmt::format("{} with antialiasing until it covers image_size / {}, the middle, "
                              "then pixels / 255",
                              filter, config.data.resize.test_crop))}};
  if (!config.has_data) return pairs;
  const Normalization normalization = normalization_of(config.data);
  pairs.push_back({"classes", json(dataset_info(config.data).class_names)});
  pairs.push_back({"mean", json(normalization.mean)});
  pairs.push_back({"std", json(normalization.std)});
  return pairs;
}

/// What testing does to an image.
onnx::PreprocessSpec preprocessing(const Config& config, bool channels_first) {
  if (!config.has_data) {
    fail<ConfigError>("export: --preprocess needs data: in the configuration, with mean and std");
  }
  const Normalization normalization = normalization_of(config.data);
  return {.image = config.model.image_size,
          .mean = normalization.mean,
          .std = normalization.std,
          .bicubic = config.data.resize.interpolation == Interpolation::kBicubic,
          .test_crop = config.data.resize.test_crop,
          .channels_first = channels_first};
}

void write(const ExportOptions& options, const Config& config, const ParameterStore& parameters,
           const Quantization& codes) {
  if (options.detections && !is_detecting(config.model.head.type)) {
    fail<ConfigError>("--detections: is for models of boxes");
  }
  onnx::ModelGraphOptions graph{.detections = options.detections, .images = {}, .codes = codes};
  if (options.preprocess) graph.images = preprocessing(config, options.layout == "nchw");
  const onnx::WrittenModel written =
      onnx::export_model(options.output, config.model, parameters, metadata(config), graph);
  notice("{}: {:.1f} MB{}, ONNX opset 17", options.output, static_cast<double>(written.bytes) / 1e6,
         written.weights.empty() ? ""
                                 : fmt::format(" with its weights in {}, which belongs to it",
                                               written.weights.string()));
}

int run(const ExportOptions& options) {
  if (options.weights.empty()) {
    const SavedModel saved = load_saved_model(options.path, options.overrides);
    write(options, saved.config, saved.learner->model().parameters, saved.codes);
    return kExitOk;
  }
  Config config = load_config(options.path, options.overrides);
  Quantization codes;
  const TensorFile weights = load_model_file(options.weights, &codes);
  adopt_norms(config.model, stored_model(weights));
  Model model(config.model);
  load_weights(weights, named_values(model.parameters));
  write(options, config, model.parameters, codes);
  return kExitOk;
}

}  // namespace

Action add_export_command(Arguments& arguments) {
  auto options = std::make_shared<ExportOptions>();
  arguments
      .add_option("path", options->path,
                  "Run (its best checkpoint) or checkpoint folder; with --weights a configuration")
      .required();
  arguments
      .add_option("output", options->output,
                  "ONNX file to write: input [N,C,H,W], normalised pixels -> logits [N,classes], "
                  "[N,classes,H,W] of segmentation; of boxes cls_logits [N,L,classes], "
                  "bbox_regression [N,L,4], of fcos bbox_ctrness [N,L,1], and anchors [L,4]; N is "
                  "free, H and W are model.image_size: --set another for a file of other sizes; "
                  "classes, mean, std, image size and resize stand in its metadata")
      .required();
  arguments.add_option("--weights", options->weights,
                       "Safetensors, .pth or a folder of either, in any naming that convert knows");
  arguments
      .add_option("--set", options->overrides, "Override a key: --set model.padding=torchvision")
      .repeated();
  arguments.add_flag("--preprocess", options->preprocess,
                     "Of a classifier: image uint8 [N,H,W,C] of any size -> probabilities "
                     "[N,classes]; resize, crop, normalisation and softmax are in the file");
  arguments.add_option("--layout", options->layout, "Of the image with --preprocess: nhwc or nchw")
      .one_of({"nhwc", "nchw"})
      .with_default();
  arguments.add_flag("--detections", options->detections,
                     "With decoding and non-maximum suppression inside: boxes [N,D,4], corners in "
                     "pixels of the input, scores [N,D], 0 where there is nothing, labels [N,D]");
  return [options] { return run(*options); };
}

}  // namespace tessera
