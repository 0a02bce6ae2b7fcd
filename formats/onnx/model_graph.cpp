#include "formats/onnx/model_graph.h"

#include <fmt/format.h>

#include "formats/onnx/swin_graph.h"
#include "formats/onnx/vit_graph.h"

namespace tessera::onnx {

std::string export_model(const ModelConfig& config, const ParameterStore& parameters,
                         const std::vector<std::pair<std::string, std::string>>& metadata) {
  ModelConfig resolved = config;
  resolve_position(resolved);
  GraphBuilder graph;
  LayerGraph layers(graph, resolved, parameters);
  const Value logits = resolved.name == ModelName::kViT ? vit(layers, GraphBuilder::kInput)
                                                        : swin(layers, GraphBuilder::kInput);
  return graph.finish(logits, {config.in_channels, config.image_size[0], config.image_size[1]},
                      {config.num_classes}, metadata);
}

}  // namespace tessera::onnx
