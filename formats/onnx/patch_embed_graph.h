// Patch embeddings and mergings as nodes of an ONNX graph.
#pragma once

#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// images [N, C, H, W] -> tokens [N, h, w, D]; see PatchEmbed.
Value patch_embed(LayerGraph& layers, const Value& images);

/// What leads from `stage` to the next, with parameters that begin with `name`.
/// [N, H, W, C] -> [N, ceil(H/2), ceil(W/2), C']; see PatchMerging.
Value patch_merging(LayerGraph& layers, const Value& x, const std::string& name,
                    const StagePlan& stage);

}  // namespace tessera::onnx
