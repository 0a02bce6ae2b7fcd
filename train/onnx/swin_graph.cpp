#include "train/onnx/swin_graph.h"

#include <fmt/format.h>

#include "train/onnx/patch_embed_graph.h"

namespace tessera::onnx {
namespace {

// [N, H, W, C] -> [N, ceil(H/2), ceil(W/2), 4C]
Value neighbourhoods(GraphBuilder& graph, const Value& x, Size2 map) {
  Value y = x;
  const Size2 even{map[0] + map[0] % 2, map[1] + map[1] % 2};
  if (even != map) {
    y = graph.node("Pad",
                   {y, graph.integers({0, 0, 0, 0, 0, even[0] - map[0], even[1] - map[1], 0})});
  }
  std::vector<Value> neighbours;
  for (std::int64_t dw = 0; dw < 2; ++dw) {
    for (std::int64_t dh = 0; dh < 2; ++dh) {
      neighbours.push_back(graph.slice(graph.slice(y, 1, dh, even[0], 2), 2, dw, even[1], 2));
    }
  }
  return graph.node("Concat", neighbours, {{"axis", std::int64_t{-1}}});
}

// [N, H, W, C] -> [N, ceil(H/2), ceil(W/2), 2C]; see PatchMerging.
Value merge(LayerGraph& layers, const Value& x, const std::string& name, Size2 map) {
  const Value patches = neighbourhoods(layers.graph(), x, map);
  const std::string norm = name + ".norm", reduction = name + ".reduction";
  if (layers.config().name == ModelName::kSwinV2) {
    return layers.layer_norm(layers.linear(patches, reduction), norm);
  }
  return layers.linear(layers.layer_norm(patches, norm), reduction);
}

}  // namespace

Value swin(LayerGraph& layers, const Value& images) {
  const ModelPlan plan = plan_model(layers.config());
  Value x = layers.position(patch_embed(layers, images), "absolute_pos_embed", plan.embed.map, 0);
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const std::string name = fmt::format("stages.{}", i);
    for (std::int64_t block = 0; block < stage.depth; ++block) {
      x = layers.block(x, fmt::format("{}.blocks.{}", name, block), stage, block);
    }
    if (i + 1 < plan.stages.size()) x = merge(layers, x, name + ".downsample", stage.map);
  }
  return layers.linear(layers.mean_pool(layers.layer_norm(x, "norm")), "head");
}

}  // namespace tessera::onnx
