// The plain Vision Transformer as nodes of an ONNX graph.
#pragma once

#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// images [N, C, H, W] -> logits [N, classes]; see VisionTransformer.
Value vit(LayerGraph& layers, const Value& images);

}  // namespace tessera::onnx
