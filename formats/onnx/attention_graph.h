// Attention within windows as nodes of an ONNX graph: what ops::window_attention does by index
// arithmetic, spelled out with Slice, Reshape and Transpose.
#pragma once

#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// The attention of one block.
struct AttentionPlace {
  std::string name;  ///< what its parameters' names begin with
  const StagePlan& stage;
  const WindowPlan& plan;
};

/// [N, H, W, C] -> [N, H, W, C]; see WindowAttention.
Value window_attention(LayerGraph& layers, const Value& x, const AttentionPlace& place);

}  // namespace tessera::onnx
