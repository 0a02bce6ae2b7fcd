// Attention within windows: what ops::window_attention does by index arithmetic, spelled out with
// Slice, Reshape and Transpose.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/ops/window_attention.h"
#include "formats/onnx/layer_graph.h"
#include "layers/position_embed.h"
#include "layers/stage_plan.h"

namespace tessera::onnx {
namespace {

constexpr float kOtherRegion = -100.0f;
constexpr float kExcluded = -1e30f;

/// A token of the rolled map.
struct Token {
  std::int64_t region;
  bool padding;
};

// Along one axis: 0 for what the roll moved with all its window, 1 and 2 for the two parts that it
// brought together in the last window.
std::int64_t region_of(std::int64_t at, const WindowPlan& plan, std::size_t axis) {
  if (plan.shift[axis] == 0 || at < plan.padded[axis] - plan.window[axis]) return 0;
  return at < plan.padded[axis] - plan.shift[axis] ? 1 : 2;
}

// The tokens of the window whose first one is at (top, left) of the rolled map.
std::vector<Token> window_tokens(const WindowPlan& plan, Size2 map, std::int64_t top,
                                 std::int64_t left) {
  std::vector<Token> tokens;
  for (std::int64_t y = top; y < top + plan.window[0]; ++y) {
    for (std::int64_t x = left; x < left + plan.window[1]; ++x) {
      tokens.push_back({3 * region_of(y, plan, 0) + region_of(x, plan, 1),
                        (y + plan.shift[0]) % plan.padded[0] >= map[0] ||
                            (x + plan.shift[1]) % plan.padded[1] >= map[1]});
    }
  }
  return tokens;
}

// What is added to the logits of each window: -100 between tokens that the roll brought together
// from opposite sides of the map, -1e30 for keys of the padding if that takes no part; see
// ops::window_attention. -> [1, windows, 1, N, N], or none if it would be zero everywhere.
Tensor window_mask(const WindowPlan& plan, Size2 map, WindowPadding padding) {
  const std::int64_t tokens = plan.tokens();
  const bool mask_padding = padding == WindowPadding::kMasked;
  Tensor mask = Tensor::empty({1, plan.windows(), 1, tokens, tokens});
  float* to = mask.f32();
  for (std::int64_t top = 0; top < plan.padded[0]; top += plan.window[0]) {
    for (std::int64_t left = 0; left < plan.padded[1]; left += plan.window[1]) {
      const std::vector<Token> window = window_tokens(plan, map, top, left);
      for (const Token& query : window) {
        for (const Token& key : window) {
          *to++ = (query.region == key.region ? 0.0f : kOtherRegion) +
                  (mask_padding && key.padding ? kExcluded : 0.0f);
        }
      }
    }
  }
  const auto values = mask.span();
  const bool empty = std::all_of(values.begin(), values.end(), [](float v) { return v == 0.0f; });
  return empty ? Tensor() : mask;
}

// Rolls one axis of length `size` by -shift: the first `shift` elements, modulo `size`, move to the
// end.
Value roll(GraphBuilder& graph, const Value& x, std::int64_t axis, std::int64_t size,
           std::int64_t shift) {
  const std::int64_t moved = (shift % size + size) % size;
  if (moved == 0) return x;
  return graph.node("Concat", {graph.slice(x, axis, moved, size), graph.slice(x, axis, 0, moved)},
                    {{"axis", axis}});
}

// What is rolled: the map or the padded map, which is the same if the windows divide it.
Size2 rolled_size(const AttentionPlace& place, WindowPadding padding) {
  return padding == WindowPadding::kTimm ? place.stage.map : place.plan.padded;
}

// [N, H, W, C] -> [N windows, tokens, C]
Value partition(GraphBuilder& graph, const Value& x, const AttentionPlace& place,
                WindowPadding padding) {
  const auto [map, channels] = std::pair(place.stage.map, place.stage.channels);
  const auto& [window, shift, padded] = place.plan;
  const Size2 rolled = rolled_size(place, padding);
  const auto roll_map = [&](const Value& y) {
    return roll(graph, roll(graph, y, 1, rolled[0], shift[0]), 2, rolled[1], shift[1]);
  };
  const auto pad_map = [&](const Value& y) {
    if (padded == map) return y;
    return graph.node(
        "Pad", {y, graph.integers({0, 0, 0, 0, 0, padded[0] - map[0], padded[1] - map[1], 0})});
  };
  Value y = rolled == map ? pad_map(roll_map(x)) : roll_map(pad_map(x));
  if (place.plan.windows() > 1) {
    y = graph.reshape(
        y, {padded[0] / window[0], window[0], padded[1] / window[1], window[1], channels});
    y = graph.transpose(y, {0, 1, 3, 2, 4, 5});
  }
  return graph.reshape(y, {place.plan.tokens(), channels});
}

// The way back of partition.
Value unpartition(GraphBuilder& graph, const Value& windows, const AttentionPlace& place,
                  WindowPadding padding) {
  const auto [map, channels] = std::pair(place.stage.map, place.stage.channels);
  const auto& [window, shift, padded] = place.plan;
  const Size2 rolled = rolled_size(place, padding);
  Value y = windows;
  if (place.plan.windows() > 1) {
    y = graph.reshape(
        y, {padded[0] / window[0], padded[1] / window[1], window[0], window[1], channels});
    y = graph.transpose(y, {0, 1, 3, 2, 4, 5});
  }
  y = graph.reshape(y, {padded[0], padded[1], channels});
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t at = static_cast<std::int64_t>(axis) + 1;
    const auto roll_back = [&] {
      if (shift[axis] != 0) y = roll(graph, y, at, rolled[axis], rolled[axis] - shift[axis]);
    };
    if (rolled[axis] != map[axis]) roll_back();
    if (padded[axis] != map[axis]) y = graph.slice(y, at, 0, map[axis]);
    if (rolled[axis] == map[axis]) roll_back();
  }
  return y;
}

// [heads, N, N], or none
Tensor position_bias(const LayerGraph& layers, const AttentionPlace& place) {
  Tape tape({.training = false});
  if (layers.config().position.continuous) {
    ContinuousPositionBias bias(place.plan.window, place.stage.pretrained_window,
                                place.stage.num_heads);
    const ParameterStore store(bias);
    for (const ParameterStore::Entry& entry : store.entries()) {
      entry.parameter->value.copy_from(layers.parameter(place.name + ".cpb_mlp." + entry.name));
    }
    return bias.forward(tape, place.plan.window).value;
  }
  if (!layers.config().position.relative) return {};
  const Tensor table = layers.parameter(place.name + ".relative_position_bias_table");
  return ops::relative_position_bias(tape, tape.constant(table), place.plan.window).value;
}

// -> q, k and v, each [N windows, heads, tokens, head_dim]
std::array<Value, 3> project(LayerGraph& layers, const Value& windows,
                             const AttentionPlace& place) {
  const std::string name = place.name + ".qkv";
  const std::int64_t channels = place.stage.channels, heads = place.stage.num_heads;
  Tensor bias;
  if (layers.has(name + ".bias")) bias = layers.parameter(name + ".bias");
  if (bias && layers.config().name == ModelName::kSwinV2) {
    bias = bias.clone();
    bias.slice(channels, {channels}).fill(0.0f);  // keys have none
  }
  GraphBuilder& graph = layers.graph();
  const Value qkv =
      graph.transpose(graph.reshape(layers.linear(windows, name, bias),
                                    {place.plan.tokens(), 3, heads, channels / heads}),
                      {2, 0, 3, 1, 4});
  std::array<Value, 3> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = graph.node("Gather", {qkv, graph.scalar(static_cast<std::int64_t>(i))},
                          {{"axis", std::int64_t{0}}});
  }
  return parts;
}

// Each vector of the last dimension divided by its length.
Value normalized(GraphBuilder& graph, const Value& x) {
  const Value length = graph.node("ReduceL2", {x}, {{"axes", std::vector<std::int64_t>{-1}}});
  return graph.node("Div", {x, graph.node("Max", {length, graph.scalar(1e-12f)})});
}

// The factor of the similarities of each head.  [1, heads, 1, 1]
Tensor head_scales(const Tensor& logit_scale) {
  const std::int64_t heads = logit_scale.numel();
  Tensor scales = Tensor::empty({1, heads, 1, 1});
  for (std::int64_t head = 0; head < heads; ++head) {
    scales.f32()[head] = std::exp(std::min(logit_scale.f32()[head], std::log(100.0f)));
  }
  return scales;
}

// q [.., tokens, head_dim], k likewise -> [N windows, heads, tokens, tokens]
Value similarities(LayerGraph& layers, const Value& q, const Value& k,
                   const AttentionPlace& place) {
  GraphBuilder& graph = layers.graph();
  if (layers.config().name == ModelName::kSwinV2) {
    const std::string name = place.name + ".logit_scale";
    const Value cosines = graph.node(
        "MatMul", {normalized(graph, q), graph.transpose(normalized(graph, k), {0, 1, 3, 2})});
    return graph.node("Mul", {cosines, graph.constant(name, head_scales(layers.parameter(name)))});
  }
  const float head_dim = static_cast<float>(place.stage.channels / place.stage.num_heads);
  const Value scaled = graph.node("Mul", {q, graph.scalar(1.0f / std::sqrt(head_dim))});
  return graph.node("MatMul", {scaled, graph.transpose(k, {0, 1, 3, 2})});
}

// Adds position bias and mask.
Value biased(LayerGraph& layers, const Value& logits, const AttentionPlace& place) {
  GraphBuilder& graph = layers.graph();
  const std::int64_t heads = place.stage.num_heads, tokens = place.plan.tokens();
  Value y = logits;
  if (const Tensor bias = position_bias(layers, place)) {
    y = graph.node("Add", {y, graph.constant(place.name + ".position_bias",
                                             bias.reshape({1, heads, tokens, tokens}))});
  }
  if (const Tensor mask = window_mask(place.plan, place.stage.map, layers.config().padding)) {
    y = graph.reshape(y, {place.plan.windows(), heads, tokens, tokens});
    // All blocks with these windows on a map of this size share one mask.
    const std::string name =
        fmt::format("mask.{}.{}.{}", fmt::join(place.stage.map, "x"),
                    fmt::join(place.plan.window, "x"), fmt::join(place.plan.shift, "x"));
    y = graph.node("Add", {y, graph.constant(name, mask)});
    y = graph.reshape(y, {heads, tokens, tokens});
  }
  return y;
}

}  // namespace

Value window_attention(LayerGraph& layers, const Value& x, const AttentionPlace& place) {
  GraphBuilder& graph = layers.graph();
  const WindowPadding padding = layers.config().padding;
  // Padding that takes part is a zero before the projection.
  const auto [q, k, v] = project(layers, partition(graph, x, place, padding), place);
  const Value logits = biased(layers, similarities(layers, q, k, place), place);
  const Value weights = graph.node("Softmax", {logits}, {{"axis", std::int64_t{-1}}});
  const Value heads = graph.transpose(graph.node("MatMul", {weights, v}), {0, 2, 1, 3});
  const Value y = graph.reshape(heads, {place.plan.tokens(), place.stage.channels});
  return layers.linear(unpartition(graph, y, place, padding), place.name + ".proj");
}

}  // namespace tessera::onnx
