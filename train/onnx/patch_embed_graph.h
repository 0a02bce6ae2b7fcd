// Patch embeddings as nodes of an ONNX graph.
#pragma once

#include "train/onnx/layer_graph.h"

namespace tessera::onnx {

/// images [N, C, H, W] -> tokens [N, h, w, D]; see PatchEmbed.
Value patch_embed(LayerGraph& layers, const Value& images);

}  // namespace tessera::onnx
