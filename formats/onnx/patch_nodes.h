// What patch embeddings and mergings are made of, as nodes of an ONNX graph.
#pragma once

#include <vector>

#include "core/kernels/patch_rows.h"
#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// [N, C, H, W] -> [N, H, W, C], and back
Value channels_last(GraphBuilder& graph, const Value& map);
Value channels_first(GraphBuilder& graph, const Value& map);

/// map [N, C, H, W] -> [N, h, w, views kh kw C]; see ops::gather_patches. Only patches that touch:
/// the stride is the kernel.
Value gather_views(GraphBuilder& graph, const Value& map, const PatchGrid& grid, Size2 size);

/// map [N, C, H, W] -> [N, D, ceil(H / stride), ceil(W / stride)]; see CrossScaleConv. Parameters
/// are `name`.0 and so on.
Value cross_scale(LayerGraph& layers, const Value& map, const std::string& name, Size2 size,
                  const std::vector<Size2>& kernels, Size2 stride);

}  // namespace tessera::onnx
