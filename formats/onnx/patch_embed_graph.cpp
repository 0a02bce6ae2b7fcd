// Patch embeddings and mergings.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/kernels/patch_rows.h"
#include "formats/onnx/layer_graph.h"
#include "formats/onnx/map_nodes.h"
#include "layers/conv2d.h"
#include "layers/patch/conv_patch_embed.h"
#include "layers/patch/conv_stem.h"
#include "layers/patch/cross_scale_patches.h"
#include "layers/patch/shifted_patches.h"

namespace tessera::onnx {
namespace {

// map [N, C, H, W] -> [N, h, w, views kh kw C]; see ops::gather_patches. Only patches that touch:
// the stride is the kernel.
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

// map [N, C, H, W] -> [N, D, ceil(H / stride), ceil(W / stride)]; see CrossScaleConv. Parameters
// are `name`.0 and so on.
Value cross_scale(LayerGraph& layers, const Value& map, const std::string& name, Size2 size,
                  const std::vector<Size2>& kernels, Size2 stride) {
  std::vector<Value> parts;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    parts.push_back(
        layers.conv(map, fmt::format("{}.{}", name, i), same_padding(size, kernels[i], stride)));
  }
  return layers.graph().node("Concat", parts, {{"axis", std::int64_t{1}}});
}

const std::string kProj = "patch_embed.proj";
const std::string kNorm = "patch_embed.norm";

Value conv_stem(LayerGraph& layers, const Value& images) {
  GraphBuilder& graph = layers.graph();
  const std::vector<StemConv> convs = stem_convs(layers.config());
  Value map = images;
  Size2 size = layers.config().image_size;
  for (std::size_t i = 0; i < convs.size(); ++i) {
    const std::string name = fmt::format("patch_embed.stem.{}", i);
    if (i > 0) map = channels_first(graph, map);
    const ops::Conv2dConfig conv = convs[i].rule.at(size, StemConv::kKernel);
    size = conv_output(size, StemConv::kKernel, conv);
    map = channels_last(graph, layers.conv(map, name + ".conv", conv));
    map = graph.node("Relu", {layers.patch_norm(map, name + ".norm")});
  }
  return layers.linear(map, kProj);
}

Value shifted(LayerGraph& layers, const Value& images) {
  const Size2 size = layers.config().image_size;
  const PatchGrid grid = patch_views(layers.config()).grid(size);
  Value patches = gather_views(layers.graph(), images, grid, size);
  if (layers.config().patch_embed.norm) patches = layers.patch_norm(patches, kNorm);
  const Tensor kernel = layers.parameter(kProj + ".weight");
  const Tensor rows = Tensor::empty({kernel.dim(0), grid.depth()});
  kernel_to_rows(grid, kernel, rows);
  return layers.linear(patches, kProj, rows, layers.parameter(kProj + ".bias"));
}

// The norm of the result is not among its nodes.
Value project(LayerGraph& layers, const Value& images) {
  const ModelConfig& config = layers.config();
  GraphBuilder& graph = layers.graph();
  if (config.patch_embed.type >= PatchEmbedType::kRegistered) {
    fail<ConfigError>(
        "export: model.patch_embed.type: an embedding of another program has no ONNX");
  }
  switch (config.patch_embed.type) {
    case PatchEmbedType::kLinear:
    case PatchEmbedType::kOverlap:
    case PatchEmbedType::kSliding:
    case PatchEmbedType::kRegistered:
      break;
    case PatchEmbedType::kConvStem:
      return conv_stem(layers, images);
    case PatchEmbedType::kShifted:
      return shifted(layers, images);
    case PatchEmbedType::kCrossScale:
      return channels_last(graph,
                           cross_scale(layers, images, "patch_embed.projs", config.image_size,
                                       cross_scale_kernels(config), config.patch_size));
  }
  return channels_last(graph, layers.conv(images, kProj, patch_conv(config, config.image_size)));
}

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

// What the projection of a merging reads, as a map of vectors: [N, h, w, K].
Value gathered(LayerGraph& layers, const Value& x, const StagePlan& stage) {
  const PatchMergingConfig& merging = layers.config().patch_merging;
  GraphBuilder& graph = layers.graph();
  switch (merging.type) {
    case PatchMergingType::kLinear:
      return neighbourhoods(graph, x, stage.map);
    case PatchMergingType::kShifted: {
      const PatchGrid grid = merging_views(layers.config(), stage.channels).grid(stage.map);
      return gather_views(graph, channels_first(graph, x), grid, stage.map);
    }
    case PatchMergingType::kConv:
    case PatchMergingType::kCrossScale:
      break;  // convolutions gather by themselves
  }
  return x;
}

Value reduce(LayerGraph& layers, const Value& x, const std::string& name, const StagePlan& stage) {
  const PatchMergingConfig& merging = layers.config().patch_merging;
  GraphBuilder& graph = layers.graph();
  if (merging.type == PatchMergingType::kConv) {
    const Size2 kernel{merging.kernel, merging.kernel};
    return channels_last(graph, layers.conv(channels_first(graph, x), name + ".reduction",
                                            same_padding(stage.map, kernel, {2, 2})));
  }
  if (merging.type == PatchMergingType::kCrossScale) {
    std::vector<Size2> kernels;
    for (const std::int64_t side : merging.kernels) kernels.push_back({side, side});
    return channels_last(graph, cross_scale(layers, channels_first(graph, x), name + ".reductions",
                                            stage.map, kernels, {2, 2}));
  }
  return layers.linear(x, name + ".reduction");
}

}  // namespace

Value patch_embed(LayerGraph& layers, const Value& images) {
  const Value tokens = project(layers, images);
  const PatchEmbedConfig& config = layers.config().patch_embed;
  const bool norm = config.norm && config.type != PatchEmbedType::kShifted;
  return norm ? layers.patch_norm(tokens, kNorm) : tokens;
}

Value patch_merging(LayerGraph& layers, const Value& x, const std::string& name,
                    const StagePlan& stage) {
  const Value in = gathered(layers, x, stage);
  const std::string norm = name + ".norm";
  if (layers.config().name == ModelName::kSwinV2) {
    return layers.patch_norm(reduce(layers, in, name, stage), norm);
  }
  return reduce(layers, layers.patch_norm(in, norm), name, stage);
}

}  // namespace tessera::onnx
