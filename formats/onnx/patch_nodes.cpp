#include "formats/onnx/patch_nodes.h"

#include <fmt/format.h>

#include <algorithm>

#include "layers/conv2d.h"

namespace tessera::onnx {

Value channels_last(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 2, 3, 1});
}

Value channels_first(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 3, 1, 2});
}

Value gather_views(GraphBuilder& graph, const Value& map, const PatchGrid& grid, Size2 size) {
  Size2 reach{}, covered{};  // zeros around the map, and what the patches cover of it
  for (std::size_t axis = 0; axis < 2; ++axis) {
    covered[axis] = grid.places[axis] * grid.stride[axis];
    for (const auto& origin : grid.origins) {
      reach[axis] = std::max(reach[axis], std::abs(origin[axis]));
    }
  }
  const Value padded = graph.node(
      "Pad", {map, graph.integers({0, 0, reach[0], reach[1], 0, 0, covered[0] - size[0] + reach[0],
                                   covered[1] - size[1] + reach[1]})});
  std::vector<Value> views;
  for (int view = 0; view < grid.views; ++view) {
    Value seen = padded;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::int64_t first = reach[axis] + grid.origins[static_cast<std::size_t>(view)][axis];
      seen = graph.slice(seen, static_cast<std::int64_t>(axis) + 2, first, first + covered[axis]);
    }
    views.push_back(seen);
  }
  const Value copies = graph.node("Concat", views, {{"axis", std::int64_t{1}}});
  const Value patches = graph.reshape(copies, {grid.views, grid.channels, grid.places[0],
                                               grid.kernel[0], grid.places[1], grid.kernel[1]});
  return graph.reshape(graph.transpose(patches, {0, 3, 5, 1, 4, 6, 2}),
                       {grid.places[0], grid.places[1], grid.depth()});
}

Value cross_scale(LayerGraph& layers, const Value& map, const std::string& name, Size2 size,
                  const std::vector<Size2>& kernels, Size2 stride) {
  std::vector<Value> parts;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    parts.push_back(
        layers.conv(map, fmt::format("{}.{}", name, i), same_padding(size, kernels[i], stride)));
  }
  return layers.graph().node("Concat", parts, {{"axis", std::int64_t{1}}});
}

}  // namespace tessera::onnx
