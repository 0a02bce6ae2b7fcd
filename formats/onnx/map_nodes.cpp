#include "formats/onnx/map_nodes.h"

#include <fmt/format.h>

namespace tessera::onnx {
namespace {

/// [cells, length]: each row takes the mean of a cell.
Tensor cell_means(std::int64_t length, std::int64_t cells) {
  const Tensor matrix = Tensor::zeros({cells, length});
  for (std::int64_t i = 0; i < cells; ++i) {
    const std::int64_t first = i * length / cells, end = ((i + 1) * length + cells - 1) / cells;
    for (std::int64_t j = first; j < end; ++j) {
      matrix.f32()[i * length + j] = 1.0f / static_cast<float>(end - first);
    }
  }
  return matrix;
}

}  // namespace

Value channels_last(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 2, 3, 1});
}

Value channels_first(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 3, 1, 2});
}

Map resize(GraphBuilder& graph, const Map& map, Size2 size) {
  if (map.size == size) return map;
  const Value batch = graph.node("Shape", {map.value}, {{"end", std::int64_t{1}}});
  const Value sizes =
      graph.node("Concat", {batch, graph.integers({map.channels, size[0], size[1]})},
                 {{"axis", std::int64_t{0}}});
  const Value y = graph.node("Resize", {map.value, "", "", sizes},
                             {{"mode", std::string("linear")},
                              {"coordinate_transformation_mode", std::string("half_pixel")}});
  return {y, size, map.channels};
}

Value nearest(GraphBuilder& graph, const Map& map, Size2 size) {
  Value y = map.value;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (map.size[axis] == size[axis]) continue;
    std::vector<std::int64_t> from;
    for (std::int64_t i = 0; i < size[axis]; ++i) from.push_back(i * map.size[axis] / size[axis]);
    y = graph.node("Gather", {y, graph.integers(from)},
                   {{"axis", static_cast<std::int64_t>(axis) + 2}});
  }
  return y;
}

Map adaptive_pool(GraphBuilder& graph, const Map& map, Size2 grid) {
  if (map.size == grid) return map;
  const Value rows = graph.constant(fmt::format("cells.{}.{}", map.size[0], grid[0]),
                                    cell_means(map.size[0], grid[0]));
  const Value columns = graph.constant(fmt::format("cells.{}.{}.t", map.size[1], grid[1]),
                                       transposed(cell_means(map.size[1], grid[1])));
  const Value y = graph.node("MatMul", {graph.node("MatMul", {rows, map.value}), columns});
  return {y, grid, map.channels};
}

Map joined(GraphBuilder& graph, const std::vector<Map>& maps) {
  std::vector<Value> values;
  std::int64_t channels = 0;
  for (const Map& map : maps) {
    values.push_back(map.value);
    channels += map.channels;
  }
  return {graph.node("Concat", values, {{"axis", std::int64_t{1}}}), maps.front().size, channels};
}

}  // namespace tessera::onnx
