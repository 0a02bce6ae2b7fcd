#include "formats/onnx/head_graph.h"

#include <fmt/format.h>

#include "formats/onnx/conv_nodes.h"
#include "formats/onnx/detector_graph.h"
#include "layers/heads/light_heads.h"

namespace tessera::onnx {
namespace {

/// Channels first, behind their norms; those that no head reads are empty.
std::vector<Map> normed_maps(LayerGraph& layers, const std::vector<Value>& maps) {
  const ModelPlan plan = plan_model(layers.config());
  std::vector<Map> normed;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const std::string norm = fmt::format("norm{}", i);
    if (!layers.has(norm + ".weight")) {
      normed.push_back({});
      continue;
    }
    normed.push_back({channels_first(layers.graph(), layers.patch_norm(maps[i], norm)), stage.map,
                      stage.channels});
  }
  return normed;
}

/// The nodes of a head of segmentation; maps are channels first.
class DenseGraph {
 public:
  DenseGraph(LayerGraph& layers, const std::vector<Value>& maps)
      : layers_(layers), levels_(normed_maps(layers, maps)) {}

  /// -> logits of the size of the image
  Value logits() {
    const Map map = features();
    const Value small = conv(layers_, "head.classifier", map, 1).value;
    return resize(graph(), {small, map.size, layers_.config().num_classes},
                  layers_.config().image_size)
        .value;
  }

 private:
  GraphBuilder& graph() { return layers_.graph(); }
  const HeadConfig& head() const { return layers_.config().head; }

  Map features() {
    switch (head().type) {
      case HeadType::kUperNet:
        return upernet();
      case HeadType::kFpn:
        return fpn();
      case HeadType::kFcos:
      case HeadType::kRetinaNet:
      case HeadType::kPixels:
      case HeadType::kFcn:
      case HeadType::kLinear:
        break;
    }
    Map map = levels_.back();
    for (std::int64_t i = 0; i < fcn_convs(head()); ++i) {
      map = conv_norm(fmt::format("head.convs.{}", i), map, 3);
    }
    return map;
  }

  Map upernet() {
    std::vector<Map> levels;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      levels.push_back(conv_norm(fmt::format("head.laterals.{}", i), levels_[i], 1));
    }
    levels.push_back(pyramid(levels_.back()));
    for (std::size_t i = levels.size() - 1; i > 0; --i) {
      levels[i - 1].value = graph().node(
          "Add", {levels[i - 1].value, resize(graph(), levels[i], levels[i - 1].size).value});
    }
    const Size2 finest = levels.front().size;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (i + 1 < levels.size()) {
        levels[i] = conv_norm(fmt::format("head.smooths.{}", i), levels[i], 3);
      }
      levels[i] = resize(graph(), levels[i], finest);
    }
    return conv_norm("head.fuse", joined(graph(), levels), 3);
  }

  Map pyramid(const Map& map) {
    std::vector<Map> parts{map};
    for (std::size_t i = 0; i < head().pool_scales.size(); ++i) {
      const std::int64_t side = head().pool_scales[i];
      const Map grid = adaptive_pool(graph(), map, {side, side});
      const Map pooled = conv_norm(fmt::format("head.pools.{}", i), grid, 1);
      parts.push_back(resize(graph(), pooled, map.size));
    }
    return conv_norm("head.bottleneck", joined(graph(), parts), 3);
  }

  Map fpn() {
    std::vector<Map> levels;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Map level = conv_norm(fmt::format("head.projections.{}", i), levels_[i], 1);
      levels.push_back(resize(graph(), level, levels_.front().size));
    }
    if (head().join == LevelJoin::kConcat) {
      return conv_norm("head.fuse", joined(graph(), levels), 1);
    }
    Map sum = levels.front();
    for (std::size_t i = 1; i < levels.size(); ++i) {
      sum.value = graph().node("Add", {sum.value, levels[i].value});
    }
    return sum;
  }

  Map conv_norm(const std::string& name, const Map& map, std::int64_t side) {
    return onnx::conv_norm(layers_, name, map, side, conv_norm_rule(head()));
  }

  LayerGraph& layers_;
  std::vector<Map> levels_;  ///< behind their norms
};

Value linear_head(LayerGraph& layers, const Value& map) {
  const Value normed = layers.layer_norm(map, "norm");
  if (layers.config().pool == Pooling::kMean)
    return layers.linear(layers.mean_pool(normed), "head");
  GraphBuilder& graph = layers.graph();
  const Value first = graph.reshape(graph.slice(normed, 2, 0, 1), {layers.config().embed_dim});
  return layers.linear(first, "head");
}

}  // namespace

std::vector<Output> head(LayerGraph& layers, const std::vector<Value>& maps,
                         const HeadGraphOptions& options) {
  const ModelConfig& config = layers.config();
  if (is_detecting(config.head.type)) return detector(layers, normed_maps(layers, maps), options);
  if (!is_dense(config.head.type)) {
    return {{"logits", linear_head(layers, maps.back()), {config.num_classes}}};
  }
  return {{"logits",
           DenseGraph(layers, maps).logits(),
           {config.num_classes, config.image_size[0], config.image_size[1]}}};
}

}  // namespace tessera::onnx
