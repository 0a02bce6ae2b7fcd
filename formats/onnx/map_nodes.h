// Operations on feature maps of known size as nodes of an ONNX graph.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/onnx/graph_builder.h"
#include "layers/model_config.h"

namespace tessera::onnx {

/// Channels first, as ONNX has it: [N, channels, size[0], size[1]].
struct Map {
  Value value;
  Size2 size{};
  std::int64_t channels = 0;
};

/// [N, C, H, W] -> [N, H, W, C], and back.
Value channels_last(GraphBuilder& graph, const Value& map);
Value channels_first(GraphBuilder& graph, const Value& map);

/// See ops::resize, bilinear; the map itself where the size stays.
Map resize(GraphBuilder& graph, const Map& map, Size2 size);

/// See ops::resize, nearest neighbours.
Value nearest(GraphBuilder& graph, const Map& map, Size2 size);

/// See ops::adaptive_pool.
Map adaptive_pool(GraphBuilder& graph, const Map& map, Size2 grid);

/// Maps of one size side by side; see ops::concat.
Map joined(GraphBuilder& graph, const std::vector<Map>& maps);

}  // namespace tessera::onnx
