#include "formats/onnx/layer_graph.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "layers/position_embed.h"

namespace tessera::onnx {
namespace {

// [N, H, W, C] -> [N, H, W, C]; see ops::token_shift.
Value token_shift(GraphBuilder& graph, const Value& x, Size2 map, std::int64_t moved) {
  // A border of zeros around the map; each direction looks at it from elsewhere.
  const Value padded = graph.node("Pad", {x, graph.integers({0, 1, 1, 0, 0, 1, 1, 0})});
  std::vector<Value> parts;
  for (const Size2& from : {Size2{0, 1}, Size2{2, 1}, Size2{1, 0}, Size2{1, 2}}) {
    const auto first = static_cast<std::int64_t>(parts.size()) * moved;
    const Value channels = graph.slice(padded, 3, first, first + moved);
    parts.push_back(graph.slice(graph.slice(channels, 1, from[0], from[0] + map[0]), 2, from[1],
                                from[1] + map[1]));
  }
  parts.push_back(graph.slice(x, 3, 4 * moved, std::numeric_limits<std::int64_t>::max()));
  return graph.node("Concat", parts, {{"axis", std::int64_t{-1}}});
}

}  // namespace

Tensor LayerGraph::parameter(const std::string& name) const {
  const ParameterStore::Entry* entry = parameters_.find(name);
  if (entry == nullptr) fail<CheckpointError>("export: the model has no parameter {}", name);
  return entry->parameter->value;
}

Tensor LayerGraph::buffer(const std::string& name) const {
  for (const ParameterStore::BufferEntry& entry : parameters_.buffers()) {
    if (entry.name == name) return entry.buffer->value;
  }
  fail<CheckpointError>("export: the model has no buffer {}", name);
}

Value LayerGraph::linear(const Value& x, const std::string& name) {
  const std::string bias = name + ".bias";
  return linear(x, name, has(bias) ? parameter(bias) : Tensor());
}

Value LayerGraph::linear(const Value& x, const std::string& name, const Tensor& bias) {
  const auto code = codes_.find(name + ".weight");
  if (code == codes_.end()) return linear(x, name, parameter(name + ".weight"), bias);
  const Value y = quantized_product(x, name, code->second);
  return bias ? graph_.node("Add", {y, graph_.constant(name + ".bias", bias)}) : y;
}

// Pairs of QuantizeLinear and DequantizeLinear around a product, from which runtimes make one of
// integers.
Value LayerGraph::quantized_product(const Value& x, const std::string& name,
                                    const LinearCode& code) {
  const Tensor weight = parameter(name + ".weight");
  const std::int64_t out = weight.dim(0), in = weight.dim(1);
  const std::vector<std::int8_t> rows = weight_integers(weight, code.weight_scales);
  std::vector<std::int8_t> columns(rows.size());  // [in, out], as MatMul wants it
  for (std::int64_t i = 0; i < out; ++i) {
    for (std::int64_t j = 0; j < in; ++j) {
      columns[static_cast<std::size_t>(j * out + i)] = rows[static_cast<std::size_t>(i * in + j)];
    }
  }
  const Value scale = graph_.constant(name + ".input_scale", Tensor::full({}, code.input.scale));
  const Value zero = graph_.byte(static_cast<std::uint8_t>(code.input.zero));
  const Value input = graph_.node("DequantizeLinear",
                                  {graph_.node("QuantizeLinear", {x, scale, zero}), scale, zero});
  const std::vector<std::int8_t> zeros(static_cast<std::size_t>(out), 0);
  const Value kernel =
      graph_.node("DequantizeLinear",
                  {graph_.bytes(name + ".weight", {in, out}, columns),
                   graph_.constant(name + ".weight_scale", Tensor::from({out}, code.weight_scales)),
                   graph_.bytes(fmt::format("zeros_{}", out), {out}, zeros)},
                  {{"axis", std::int64_t{1}}});
  return graph_.node("MatMul", {input, kernel});
}

Value LayerGraph::linear(const Value& x, const std::string& name, const Tensor& weight,
                         const Tensor& bias) {
  const Value y = graph_.node("MatMul", {x, graph_.constant(name + ".weight", transposed(weight))});
  return bias ? graph_.node("Add", {y, graph_.constant(name + ".bias", bias)}) : y;
}

Value LayerGraph::layer_norm(const Value& x, const std::string& name) {
  return norm(x, name, norm_epsilon(config_));
}

Value LayerGraph::patch_norm(const Value& x, const std::string& name) {
  return norm(x, name, patch_norm_epsilon(config_));
}

Value LayerGraph::norm(const Value& x, const std::string& name, float epsilon) {
  const std::string weight = name + ".weight", bias = name + ".bias";
  return graph_.node(
      "LayerNormalization",
      {x, graph_.constant(weight, parameter(weight)), graph_.constant(bias, parameter(bias))},
      {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}});
}

Value LayerGraph::conv(const Value& map, const std::string& name, const ops::Conv2dConfig& config) {
  const std::string weight = name + ".weight", bias = name + ".bias";
  const Tensor kernel = parameter(weight);
  std::vector<Value> inputs{map, graph_.constant(weight, kernel)};
  if (has(bias)) inputs.push_back(graph_.constant(bias, parameter(bias)));
  return graph_.node("Conv", inputs,
                     {{"kernel_shape", std::vector<std::int64_t>{kernel.dim(2), kernel.dim(3)}},
                      {"strides", std::vector<std::int64_t>{config.stride[0], config.stride[1]}},
                      {"pads", std::vector<std::int64_t>{config.pad_begin[0], config.pad_begin[1],
                                                         config.pad_end[0], config.pad_end[1]}}});
}

Value LayerGraph::position(const Value& tokens, const std::string& name, Size2 map,
                           std::int64_t extra) {
  const Shape shape = extra > 0 ? Shape{1, 1, extra + map[0] * map[1], config_.embed_dim}
                                : Shape{1, map[0], map[1], config_.embed_dim};
  if (config_.position.absolute) {
    return graph_.node("Add", {tokens, graph_.constant(name, parameter(name).reshape(shape))});
  }
  if (config_.position.sincos) {
    const Tensor table = sincos_table(map, extra, config_.embed_dim);
    return graph_.node("Add", {tokens, graph_.constant("position.sincos", table.reshape(shape))});
  }
  return tokens;
}

Value LayerGraph::mlp(const Value& x, const std::string& name) {
  const Value hidden = linear(x, name + ".fc1");
  // GELU: h (1 + erf(h / sqrt 2)) / 2
  const Value erf =
      graph_.node("Erf", {graph_.node("Div", {hidden, graph_.scalar(std::sqrt(2.0f))})});
  const Value gate = graph_.node("Add", {erf, graph_.scalar(1.0f)});
  const Value gelu = graph_.node("Mul", {graph_.node("Mul", {hidden, gate}), graph_.scalar(0.5f)});
  return linear(gelu, name + ".fc2");
}

Value LayerGraph::attend(const Value& x, const AttentionPlace& place) {
  const std::int64_t moved = place.stage.shifted_channels;
  if (moved == 0) return window_attention(*this, x, place);
  return window_attention(*this, token_shift(graph_, x, place.stage.map, moved), place);
}

Value LayerGraph::block(const Value& x, const std::string& name, const StagePlan& stage,
                        std::int64_t index) {
  const WindowPlan& plan = index % 2 == 1 ? stage.shifted_windows : stage.windows;
  const AttentionPlace place{name + ".attn", stage, plan};
  const std::string norm1 = name + ".norm1", norm2 = name + ".norm2";
  if (config_.name == ModelName::kSwinV2) {
    const Value sum = graph_.node("Add", {x, layer_norm(attend(x, place), norm1)});
    return graph_.node("Add", {sum, layer_norm(mlp(sum, name + ".mlp"), norm2)});
  }
  const Value sum = graph_.node("Add", {x, attend(layer_norm(x, norm1), place)});
  return graph_.node("Add", {sum, mlp(layer_norm(sum, norm2), name + ".mlp")});
}

Value LayerGraph::mean_pool(const Value& x) {
  return graph_.node("ReduceMean", {x},
                     {{"axes", std::vector<std::int64_t>{1, 2}}, {"keepdims", std::int64_t{0}}});
}

}  // namespace tessera::onnx
