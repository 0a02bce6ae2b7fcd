#include "formats/onnx/vit_graph.h"

#include <fmt/format.h>

#include "formats/onnx/patch_embed_graph.h"

namespace tessera::onnx {
namespace {

// [N, h, w, C] -> [N, 1, 1 + h w, C]
Value prepend_token(LayerGraph& layers, const Value& tokens, Size2 map) {
  GraphBuilder& graph = layers.graph();
  const std::int64_t channels = layers.config().embed_dim;
  const Value token =
      graph.constant("cls_token", layers.parameter("cls_token").reshape({1, 1, 1, channels}));
  const Value batch = graph.node("Shape", {tokens}, {{"end", std::int64_t{1}}});
  const Value shape =
      graph.node("Concat", {batch, graph.integers({1, 1, channels})}, {{"axis", std::int64_t{0}}});
  return graph.node(
      "Concat",
      {graph.node("Expand", {token, shape}), graph.reshape(tokens, {1, map[0] * map[1], channels})},
      {{"axis", std::int64_t{2}}});
}

}  // namespace

Value vit(LayerGraph& layers, const Value& images) {
  const ModelPlan plan = plan_model(layers.config());
  const bool has_token = layers.config().pool == Pooling::kToken;
  Value x = patch_embed(layers, images);
  if (has_token) x = prepend_token(layers, x, plan.embed.map);
  x = layers.position(x, "pos_embed", plan.embed.map, has_token ? 1 : 0);
  const StagePlan& stage = plan.stages.front();
  for (std::int64_t block = 0; block < stage.depth; ++block) {
    x = layers.block(x, fmt::format("blocks.{}", block), stage, block);
  }
  x = layers.layer_norm(x, "norm");
  if (!has_token) return layers.linear(layers.mean_pool(x), "head");
  const Value first =
      layers.graph().reshape(layers.graph().slice(x, 2, 0, 1), {layers.config().embed_dim});
  return layers.linear(first, "head");
}

}  // namespace tessera::onnx
