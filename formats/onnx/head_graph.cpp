#include "formats/onnx/head_graph.h"

#include <fmt/format.h>

#include "core/error.h"
#include "formats/onnx/map_nodes.h"
#include "layers/heads/light_heads.h"

namespace tessera::onnx {
namespace {

/// The nodes of a dense head; maps are channels first.
class DenseGraph {
 public:
  DenseGraph(LayerGraph& layers, const std::vector<Value>& maps) : layers_(layers) {
    const ModelPlan plan = plan_model(layers.config());
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const StagePlan& stage = plan.stages[i];
      const std::string norm = fmt::format("norm{}", i);
      if (!layers.has(norm + ".weight")) {
        levels_.push_back({});  // no head reads it
        continue;
      }
      levels_.push_back(
          {channels_first(graph(), layers.patch_norm(maps[i], norm)), stage.map, stage.channels});
    }
  }

  /// -> logits of the size of the image
  Value logits() {
    const Map map = features();
    const Value small = conv("head.classifier", map, 1).value;
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
        fail<ConfigError>("[onnx] model.head.type fcos cannot be exported");
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

  Map conv(const std::string& name, const Map& map, std::int64_t side) {
    return {layers_.conv(map.value, name, same_padding(map.size, {side, side}, {1, 1})), map.size,
            layers_.parameter(name + ".weight").dim(0)};
  }

  /// See ConvNorm.
  Map conv_norm(const std::string& name, const Map& map, std::int64_t side) {
    const Map y = conv(name + ".conv", map, side);
    return {graph().node("Relu", {norm(name + ".norm", y)}), y.size, y.channels};
  }

  Value norm(const std::string& name, const Map& map) {
    const auto values = [&](const char* end) {
      return graph().constant(name + end, layers_.parameter(name + end));
    };
    switch (head().norm) {
      case HeadNorm::kBatch:
      case HeadNorm::kFrozenBatch:
        return graph().node(
            "BatchNormalization",
            {map.value, values(".weight"), values(".bias"),
             graph().constant(name + ".running_mean", layers_.buffer(name + ".running_mean")),
             graph().constant(name + ".running_var", layers_.buffer(name + ".running_var"))},
            {{"epsilon", ConvNorm::kEpsilon}});
      case HeadNorm::kGroup:
        return group_norm(name, map);
      case HeadNorm::kLayer:
        break;
    }
    const Value last = channels_last(graph(), map.value);
    return channels_first(
        graph(), graph().node("LayerNormalization", {last, values(".weight"), values(".bias")},
                              {{"axis", std::int64_t{-1}}, {"epsilon", ConvNorm::kEpsilon}}));
  }

  /// GroupNormalization is not in opset 17: groups as the channels of an InstanceNormalization.
  Value group_norm(const std::string& name, const Map& map) {
    const std::int64_t groups = norm_groups(map.channels, ConvNormRule{}.groups);
    const std::int64_t places = map.size[0] * map.size[1];
    const Value grouped = graph().reshape(map.value, {groups, map.channels / groups * places});
    const Value ones =
        graph().constant(fmt::format("ones.{}", groups), Tensor::full({groups}, 1.0f));
    const Value zeros =
        graph().constant(fmt::format("zeros.{}", groups), Tensor::full({groups}, 0.0f));
    const Value plain = graph().node("InstanceNormalization", {grouped, ones, zeros},
                                     {{"epsilon", ConvNorm::kEpsilon}});
    const Value y = graph().reshape(plain, {map.channels, map.size[0], map.size[1]});
    const auto values = [&](const char* end) {
      const Tensor column = layers_.parameter(name + end).reshape({map.channels, 1, 1});
      return graph().constant(name + end, column);
    };
    return graph().node("Add", {graph().node("Mul", {y, values(".weight")}), values(".bias")});
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

Value head(LayerGraph& layers, const std::vector<Value>& maps) {
  if (!is_dense(layers.config().head.type)) return linear_head(layers, maps.back());
  return DenseGraph(layers, maps).logits();
}

std::vector<std::int64_t> head_dims(const ModelConfig& config) {
  if (!is_dense(config.head.type)) return {config.num_classes};
  return {config.num_classes, config.image_size[0], config.image_size[1]};
}

}  // namespace tessera::onnx
