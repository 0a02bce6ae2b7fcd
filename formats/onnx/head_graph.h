// Heads as nodes of an ONNX graph.
#pragma once

#include <vector>

#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// What all stages put out before any norm, each [N, h, w, C] ([N, 1, 1 + h w, C] with a class
/// token) -> logits: [N, classes] of a linear head; of one that answers for every position
/// [N, classes, H, W], enlarged to the size of the image. See Head.
Value head(LayerGraph& layers, const std::vector<Value>& maps);

/// The dimensions of what `head` puts out, without the batch.
std::vector<std::int64_t> head_dims(const ModelConfig& config);

}  // namespace tessera::onnx
