#include "train/onnx/patch_embed_graph.h"

#include <fmt/format.h>

#include "layers/conv_stem.h"
#include "layers/overlap_patch_embed.h"

namespace tessera::onnx {
namespace {

Value channels_last(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 2, 3, 1});
}

Value channels_first(GraphBuilder& graph, const Value& map) {
  return graph.transpose(map, {0, 3, 1, 2});
}

// -> the map before the projection, channels last
Value conv_stem(LayerGraph& layers, const Value& images) {
  GraphBuilder& graph = layers.graph();
  const std::vector<StemConv> convs = stem_convs(layers.config());
  Value map = images;
  for (std::size_t i = 0; i < convs.size(); ++i) {
    const std::string name = fmt::format("patch_embed.stem.{}", i);
    if (i > 0) map = channels_first(graph, map);
    map = channels_last(graph, layers.conv(map, name + ".conv", convs[i].config));
    map = graph.node("Relu", {layers.layer_norm(map, name + ".norm")});
  }
  return map;
}

// Everything but the norm of the result.
Value project(LayerGraph& layers, const Value& images) {
  const std::string proj = "patch_embed.proj";
  const ModelConfig& config = layers.config();
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
      break;
    case PatchEmbedType::kOverlap:
      return channels_last(layers.graph(), layers.conv(images, proj, overlap_conv(config)));
    case PatchEmbedType::kConvStem:
      return layers.linear(conv_stem(layers, images), proj);
  }
  return channels_last(layers.graph(), layers.conv(images, proj, {.stride = config.patch_size}));
}

}  // namespace

Value patch_embed(LayerGraph& layers, const Value& images) {
  const Value tokens = project(layers, images);
  return layers.config().patch_embed.norm ? layers.layer_norm(tokens, "patch_embed.norm") : tokens;
}

}  // namespace tessera::onnx
