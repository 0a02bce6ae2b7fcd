#include "formats/onnx/conv_nodes.h"

#include <fmt/format.h>

namespace tessera::onnx {
namespace {

/// GroupNormalization is not in opset 17: groups as the channels of an InstanceNormalization.
Value group_norm(LayerGraph& layers, const std::string& name, const Map& map,
                 std::int64_t most_groups) {
  GraphBuilder& graph = layers.graph();
  const std::int64_t groups = norm_groups(map.channels, most_groups);
  const std::int64_t places = map.size[0] * map.size[1];
  const Value grouped = graph.reshape(map.value, {groups, map.channels / groups * places});
  const Value ones = graph.constant(fmt::format("ones.{}", groups), Tensor::full({groups}, 1.0f));
  const Value zeros = graph.constant(fmt::format("zeros.{}", groups), Tensor::full({groups}, 0.0f));
  const Value plain = graph.node("InstanceNormalization", {grouped, ones, zeros},
                                 {{"epsilon", ConvNorm::kEpsilon}});
  const Value y = graph.reshape(plain, {map.channels, map.size[0], map.size[1]});
  const auto values = [&](const char* end) {
    const Tensor column = layers.parameter(name + end).reshape({map.channels, 1, 1});
    return graph.constant(name + end, column);
  };
  return graph.node("Add", {graph.node("Mul", {y, values(".weight")}), values(".bias")});
}

Value norm(LayerGraph& layers, const std::string& name, const Map& map, const ConvNormRule& rule) {
  GraphBuilder& graph = layers.graph();
  const auto values = [&](const char* end) {
    return graph.constant(name + end, layers.parameter(name + end));
  };
  switch (rule.norm) {
    case HeadNorm::kBatch:
    case HeadNorm::kFrozenBatch:
      return graph.node(
          "BatchNormalization",
          {map.value, values(".weight"), values(".bias"),
           graph.constant(name + ".running_mean", layers.buffer(name + ".running_mean")),
           graph.constant(name + ".running_var", layers.buffer(name + ".running_var"))},
          {{"epsilon", ConvNorm::kEpsilon}});
    case HeadNorm::kGroup:
      return group_norm(layers, name, map, rule.groups);
    case HeadNorm::kLayer:
      break;
  }
  const Value last = channels_last(graph, map.value);
  return channels_first(graph,
                        graph.node("LayerNormalization", {last, values(".weight"), values(".bias")},
                                   {{"axis", std::int64_t{-1}}, {"epsilon", ConvNorm::kEpsilon}}));
}

}  // namespace

Map conv(LayerGraph& layers, const std::string& name, const Map& map, std::int64_t side,
         std::int64_t stride) {
  const Size2 kernel{side, side};
  const ops::Conv2dConfig config = same_padding(map.size, kernel, {stride, stride});
  return {layers.conv(map.value, name, config), conv_output(map.size, kernel, config),
          layers.parameter(name + ".weight").dim(0)};
}

Map conv_norm(LayerGraph& layers, const std::string& name, const Map& map, std::int64_t side,
              const ConvNormRule& rule) {
  const Map y = conv(layers, name + ".conv", map, side);
  return {layers.graph().node("Relu", {norm(layers, name + ".norm", y, rule)}), y.size, y.channels};
}

}  // namespace tessera::onnx
