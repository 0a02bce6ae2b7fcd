#include "formats/onnx/detector_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/onnx/conv_nodes.h"
#include "layers/heads/detector_heads.h"

namespace tessera::onnx {
namespace {

/// Of one level with P places or anchors; `centreness` of fcos alone.
struct Level {
  Value logits{};      ///< [N, P, K]
  Value regression{};  ///< [N, P, 4]: see detection_results
  Value centreness{};  ///< [N, P, 1]
  Size2 map{};
};

/// What stands for boxes: [N, S], [N, S], [N, S, 4].
struct Candidates {
  Value scores{}, labels{}, boxes{};
  std::int64_t count = 0;
};

class DetectorGraph {
 public:
  DetectorGraph(LayerGraph& layers, const std::vector<Map>& maps)
      : layers_(layers), config_(layers.config()), plan_(detector_levels(layers.config())) {
    const std::vector<Map> pyramid = pyramid_of(maps);
    for (std::size_t i = 0; i < pyramid.size(); ++i) levels_.push_back(level(pyramid[i], i));
    std::vector<Size2> sizes;
    for (const Level& one : levels_) sizes.push_back(one.map);
    grid_ = detector_grid(config_, sizes, config_.image_size);
  }

  std::vector<Output> raw() {
    const std::vector<float> anchors = corners();
    const auto places = std::ssize(anchors) / 4;
    const auto joined = [&](Value Level::*part) {
      std::vector<Value> values;
      for (const Level& one : levels_) values.push_back(one.*part);
      return graph().node("Concat", values, {{"axis", std::int64_t{1}}});
    };
    std::vector<Output> outputs = {
        {"cls_logits", joined(&Level::logits), {places, config_.num_classes}},
        {"bbox_regression", joined(&Level::regression), {places, 4}}};
    if (is_fcos()) outputs.push_back({"bbox_ctrness", joined(&Level::centreness), {places, 1}});
    outputs.push_back({.name = "anchors",
                       .value = graph().constant("anchors.all", Tensor::from({places, 4}, anchors)),
                       .dims = {places, 4},
                       .has_batch = false});
    return outputs;
  }

  std::vector<Output> detections() {
    std::vector<Candidates> levels;
    for (std::size_t i = 0; i < levels_.size(); ++i) levels.push_back(candidates(i));
    const auto joined = [&](Value Candidates::*part) {
      std::vector<Value> values;
      for (const Candidates& one : levels) values.push_back(one.*part);
      return graph().node("Concat", values, {{"axis", std::int64_t{1}}});
    };
    Candidates all{joined(&Candidates::scores), joined(&Candidates::labels),
                   joined(&Candidates::boxes)};
    for (const Candidates& one : levels) all.count += one.count;
    all.scores = without_overlaps(all);
    const std::int64_t count = std::min(config_.head.detector.keep, all.count);
    const auto [scores, places] = top(all.scores, count);
    return {{"boxes", gathered(all.boxes, places), {count, 4}},
            {"scores", scores, {count}},
            {"labels", gathered(all.labels, places), {count}, ElementType::kInt64}};
  }

 private:
  GraphBuilder& graph() { return layers_.graph(); }
  bool is_fcos() const { return config_.head.type == HeadType::kFcos; }
  std::int64_t anchors() const { return is_fcos() ? 1 : std::ssize(grid_.levels.front().anchors); }

  /// See FeaturePyramid.
  std::vector<Map> pyramid_of(const std::vector<Map>& maps) {
    const std::size_t count = plan_.stages.size();
    std::vector<Map> levels(count);
    Map sum;
    for (std::size_t i = count; i-- > 0;) {
      const Map& map = maps[plan_.stages[i]];
      Map lateral = conv(layers_, fmt::format("head.pyramid.laterals.{}", i), map, 1);
      if (i + 1 < count) {
        lateral.value = graph().node("Add", {lateral.value, nearest(graph(), sum, lateral.size)});
      }
      sum = lateral;
      levels[i] = conv(layers_, fmt::format("head.pyramid.smooths.{}", i), sum, 3);
    }
    for (std::int64_t i = 0; i < plan_.extra; ++i) {
      Map last = i == 0 && plan_.extra_from_stage ? maps[plan_.stages.back()] : levels.back();
      if (i > 0) last.value = graph().node("Relu", {last.value});
      levels.push_back(conv(layers_, fmt::format("head.pyramid.extras.{}", i), last, 3, 2));
    }
    return levels;
  }

  Map tower(const char* name, Map map) {
    const ConvNormRule rule{.groups = config_.head.detector.groups, .bias = true};
    for (std::int64_t i = 0;
         layers_.has(fmt::format("head.{}.{}{}.weight", name, i, is_fcos() ? ".conv" : "")); ++i) {
      const std::string own = fmt::format("head.{}.{}", name, i);
      if (is_fcos()) {
        map = conv_norm(layers_, own, map, 3, rule);
      } else {
        map = conv(layers_, own, map, 3);
        map.value = graph().node("Relu", {map.value});
      }
    }
    return map;
  }

  /// [N, A columns, h, w] -> [N, h w A, columns]
  Value rows(const Map& map, std::int64_t columns) {
    const std::int64_t places = map.size[0] * map.size[1] * map.channels / columns;
    return graph().reshape(channels_last(graph(), map.value), {places, columns});
  }

  Level level(const Map& map, std::size_t i) {
    const Map classes = tower("class_tower", map), boxes = tower("box_tower", map);
    Level level{.map = map.size};
    level.logits = rows(conv(layers_, "head.logits", classes, 3), config_.num_classes);
    level.regression = rows(conv(layers_, "head.distances", boxes, 3), 4);
    if (!is_fcos()) return level;
    const std::string scale = fmt::format("head.scales.{}", i);
    if (layers_.has(scale)) {
      level.regression = graph().node(
          "Mul", {level.regression, graph().constant(scale, layers_.parameter(scale))});
    }
    level.regression = graph().node("Relu", {level.regression});
    level.centreness = rows(conv(layers_, "head.centreness", boxes, 3), 1);
    return level;
  }

  /// Of all anchors; of fcos squares of a stride around the places.
  std::vector<float> corners() const {
    std::vector<float> all;
    for (const DetectorLevel& level : grid_.levels) {
      const float half = level.stride / 2.0f;
      for (std::int64_t k = 0; k < level.places() * anchors(); ++k) {
        const AnchorCorners own =
            is_fcos() ? level.around(k, {-half, -half, half, half}) : level.anchor(k);
        all.insert(all.end(), own.begin(), own.end());
      }
    }
    return all;
  }

  /// [N, P, K]
  Value scores_of(const Level& level) {
    const Value classes = graph().node("Sigmoid", {level.logits});
    if (!is_fcos()) return classes;
    const Value product =
        graph().node("Mul", {classes, graph().node("Sigmoid", {level.centreness})});
    return config_.head.detector.score == FcosScore::kRoot ? graph().node("Sqrt", {product})
                                                           : product;
  }

  /// [N, P, 4] in pixels, within the image.
  Value boxes_of(std::size_t i) {
    const Value boxes = is_fcos() ? around_places(i) : around_anchors(i);
    const float height = static_cast<float>(config_.image_size[0]);
    const float width = static_cast<float>(config_.image_size[1]);
    const Value limits =
        graph().constant("limits", Tensor::from({4}, std::vector{width, height, width, height}));
    return graph().node("Min", {graph().node("Max", {boxes, graph().scalar(0.0f)}), limits});
  }

  Value around_places(std::size_t i) {
    const DetectorLevel& level = grid_.levels[i];
    std::vector<float> places;
    for (std::int64_t k = 0; k < level.places(); ++k) {
      const AnchorCorners own = level.around(k, {});
      places.insert(places.end(), own.begin(), own.end());
    }
    const float stride = level.stride;
    const Value distances = graph().node(
        "Mul",
        {levels_[i].regression,
         graph().constant(fmt::format("strides.{}", i),
                          Tensor::from({4}, std::vector{-stride, -stride, stride, stride}))});
    return graph().node("Add",
                        {distances, graph().constant(fmt::format("places.{}", i),
                                                     Tensor::from({level.places(), 4}, places))});
  }

  Value around_anchors(std::size_t i) {
    const DetectorLevel& level = grid_.levels[i];
    std::vector<float> sizes, middles;
    const std::int64_t count = level.places() * anchors();
    for (std::int64_t k = 0; k < count; ++k) {
      const AnchorCorners own = level.anchor(k);
      for (std::size_t axis = 0; axis < 2; ++axis) {
        sizes.push_back(own[axis + 2] - own[axis]);
        middles.push_back(own[axis] + 0.5f * sizes.back());
      }
    }
    const Value size =
        graph().constant(fmt::format("sizes.{}", i), Tensor::from({count, 2}, sizes));
    const Value middle = graph().node(
        "Add", {graph().node("Mul", {graph().slice(levels_[i].regression, 2, 0, 2), size}),
                graph().constant(fmt::format("middles.{}", i), Tensor::from({count, 2}, middles))});
    const Value growth = graph().node(
        "Min", {graph().slice(levels_[i].regression, 2, 2, 4), graph().scalar(kMostGrowth)});
    const Value half = graph().node(
        "Mul", {graph().node("Mul", {graph().node("Exp", {growth}), size}), graph().scalar(0.5f)});
    return graph().node("Concat",
                        {graph().node("Sub", {middle, half}), graph().node("Add", {middle, half})},
                        {{"axis", std::int64_t{2}}});
  }

  std::pair<Value, Value> top(const Value& scores, std::int64_t count) {
    const std::vector<Value> both =
        graph().nodes("TopK", {scores, graph().integers({count})}, 2, {{"axis", std::int64_t{1}}});
    return {both[0], both[1]};
  }

  /// Rows `places` [N, D] of [N, P, ...] -> [N, D, ...]
  Value gathered(const Value& rows, const Value& places) {
    return graph().node("GatherND",
                        {rows, graph().node("Unsqueeze", {places, graph().integers({2})})},
                        {{"batch_dims", std::int64_t{1}}});
  }

  /// The best of a level; see detections_of.
  Candidates candidates(std::size_t i) {
    const std::int64_t places = levels_[i].map[0] * levels_[i].map[1] * anchors();
    const std::int64_t pairs = places * config_.num_classes;
    Candidates best{.count = std::min(config_.head.detector.before_nms, pairs)};
    const auto [scores, at] = top(graph().reshape(scores_of(levels_[i]), {pairs}), best.count);
    best.scores = scores;
    const Value classes = graph().integers({config_.num_classes});
    best.labels = graph().node("Mod", {at, classes});
    best.boxes = gathered(boxes_of(i), graph().node("Div", {at, classes}));
    return best;
  }

  /// The scores, 0 of what is below the threshold or overlaps a better box of its class.
  Value without_overlaps(const Candidates& all) {
    std::vector<std::int64_t> classes;
    for (std::int64_t k = 0; k < config_.num_classes; ++k) classes.push_back(k);
    const Value column =
        graph().node("Unsqueeze", {graph().integers(classes), graph().integers({1})});  // [K, 1]
    const auto lifted = [&](const Value& row) {                                         // [N, 1, S]
      return graph().node("Unsqueeze", {row, graph().integers({1})});
    };
    const Value of_class = graph().node("Equal", {lifted(all.labels), column});
    const Value by_class =
        graph().node("Where", {of_class, lifted(all.scores), graph().scalar(0.0f)});  // [N, K, S]
    const DetectorConfig& config = config_.head.detector;
    const Value kept =
        graph().node("NonMaxSuppression",
                     {all.boxes, by_class, graph().integers({config.keep}),
                      graph().scalar(static_cast<float>(config.nms)),
                      graph().scalar(static_cast<float>(config.score_threshold))});  // [M, 3]
    const Value none = graph().node("ConstantOfShape", {graph().node("Shape", {by_class})});
    const Value scores =
        graph().node("ScatterND", {none, kept, graph().node("GatherND", {by_class, kept})});
    return graph().node("ReduceMax", {scores},
                        {{"axes", std::vector<std::int64_t>{1}}, {"keepdims", std::int64_t{0}}});
  }

  LayerGraph& layers_;
  const ModelConfig& config_;
  DetectorLevels plan_;
  std::vector<Level> levels_;
  DetectorGrid grid_;
};

}  // namespace

std::vector<Output> detector(LayerGraph& layers, const std::vector<Map>& maps,
                             const HeadGraphOptions& options) {
  DetectorGraph graph(layers, maps);
  return options.detections ? graph.detections() : graph.raw();
}

}  // namespace tessera::onnx
