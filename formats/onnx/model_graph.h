// A whole network as an ONNX model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "formats/onnx/graph_builder.h"
#include "formats/onnx/head_graph.h"
#include "formats/onnx/preprocess_graph.h"
#include "layers/model_config.h"

namespace tessera::onnx {

struct ModelGraphOptions {
  bool detections = false;                 ///< of a model of boxes, see HeadGraphOptions
  std::optional<PreprocessSpec> images{};  ///< the file of a classifier takes photos
  std::int64_t most_inside = kMostInside;  ///< bytes of weights that the file itself may hold
  Quantization codes{};                    ///< of linear layers that multiply in 8 bits
};

struct WrittenModel {
  std::int64_t bytes = 0;           ///< of all its files
  std::filesystem::path weights{};  ///< the file beside it; empty: there is none
};

/// Writes the ONNX file `path` (opset 17, IR 8) that computes what the network of `config` with
/// `parameters` computes in f32 in evaluation: `input` [N, C, H, W], normalised pixels, any N ->
/// `logits` [N, num_classes], of a head that answers for every position [N, num_classes, H, W]; of
/// one of boxes see HeadGraphOptions.
/// `metadata` are pairs of key and value for whoever uses the file.
/// With `images` the file takes `image`, uint8 of any size, does to it what testing does, and of a
/// classifier gives `probabilities` [N, num_classes]. More weights than `most_inside` go to
/// `PATH.data`, without which `path` is nothing.
/// Throws ConfigError if the configuration has no meaning or cannot be exported, CheckpointError if
/// a file cannot be written; what was there before is then whole, or gone.
WrittenModel export_model(const std::filesystem::path& path, const ModelConfig& config,
                          const ParameterStore& parameters,
                          const std::vector<std::pair<std::string, std::string>>& metadata,
                          const ModelGraphOptions& options = {});

}  // namespace tessera::onnx
