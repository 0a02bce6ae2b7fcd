#include "formats/onnx/swin_graph.h"

#include <fmt/format.h>

#include "formats/onnx/patch_embed_graph.h"

namespace tessera::onnx {
Value swin(LayerGraph& layers, const Value& images) {
  const ModelPlan plan = plan_model(layers.config());
  Value x = layers.position(patch_embed(layers, images), "absolute_pos_embed", plan.embed.map, 0);
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const std::string name = fmt::format("stages.{}", i);
    for (std::int64_t block = 0; block < stage.depth; ++block) {
      x = layers.block(x, fmt::format("{}.blocks.{}", name, block), stage, block);
    }
    if (i + 1 < plan.stages.size()) {
      x = patch_merging(layers, x, name + ".downsample", stage);
    }
  }
  return layers.linear(layers.mean_pool(layers.layer_norm(x, "norm")), "head");
}

}  // namespace tessera::onnx
