#include "layers/heads/detector_heads.h"

#include <fmt/format.h>

#include <cmath>

#include "core/ops/elementwise.h"

namespace tessera {
namespace {

constexpr float kInitStd = 0.01f;
constexpr float kPrior = 0.01f;  // of a class at a place before training, arXiv:1708.02002

std::int64_t tower_convs(const HeadConfig& config) {
  constexpr std::int64_t kConvs = 4;
  return config.convs == kAutoConvs ? kConvs : config.convs;
}

std::vector<ConvNorm> make_tower(const HeadConfig& config) {
  std::vector<ConvNorm> tower;
  for (std::int64_t i = 0; i < tower_convs(config); ++i) {
    tower.emplace_back(config.channels, config.channels, 3,
                       ConvNormRule{.groups = config.detector.groups, .bias = true});
    tower.back().conv().weight().init = Init::truncated_normal(kInitStd);
    tower.back().conv().bias().init = Init::zeros();
  }
  return tower;
}

/// Of logits of classes.
float prior_bias() { return -std::log((1.0f - kPrior) / kPrior); }

Conv2d make_tower_conv(std::int64_t channels, std::int64_t outputs, float bias = 0.0f) {
  Conv2d conv(channels, outputs, {3, 3}, {.zeros = {1, 1}});
  conv.weight().init = Init::truncated_normal(kInitStd);
  conv.bias().init = Init::constant(bias);
  return conv;
}

std::vector<Conv2d> make_plain_tower(const HeadConfig& config) {
  std::vector<Conv2d> tower;
  for (std::int64_t i = 0; i < tower_convs(config); ++i) {
    tower.push_back(make_tower_conv(config.channels, config.channels));
  }
  return tower;
}

std::int64_t anchors_of(const ModelConfig& config) {
  const DetectorLevels levels = detector_levels(config);
  const std::vector<Size2> maps(levels.count(), Size2{1, 1});
  return std::ssize(detector_grid(config, maps, config.image_size).levels.front().anchors);
}

std::vector<Var> pyramid_of(Tape& tape, FeaturePyramid& pyramid, const DetectorLevels& levels,
                            std::span<const StageMap> maps) {
  std::vector<Var> read;
  for (const std::size_t stage : levels.stages) read.push_back(maps[stage].normed);
  return pyramid.forward(tape, read);
}

std::vector<Size2> maps_read(const DetectorLevels& levels, std::span<const MapShape> maps) {
  std::vector<Size2> read;
  for (const std::size_t stage : levels.stages) read.push_back(maps[stage].map);
  return read;
}

void add(HeadPlan& plan, const Conv2d& conv, const Size2& size) {
  plan.macs += conv.macs(size);
  plan.saved += size[0] * size[1] * conv.out_channels();
}

}  // namespace

FcosHead::FcosHead(const ModelConfig& config)
    : levels_(detector_levels(config)),
      pyramid_(detector_channels(config, levels_), config.head.channels,
               {levels_.extra, levels_.extra_from_stage}),
      class_tower_(make_tower(config.head)),
      box_tower_(make_tower(config.head)),
      logits_(make_tower_conv(config.head.channels, config.num_classes, prior_bias())),
      // Boxes begin two strides wide. From zero all may fall below it at once, where no gradient
      // passes: of six trainings on nuclei one never found a box.
      distances_(make_tower_conv(config.head.channels, 4, 1.0f)),
      centreness_(make_tower_conv(config.head.channels, 1)) {
  for (std::size_t i = 0; i < levels_.count() && config.head.detector.level_scales; ++i) {
    scales_.emplace_back(Shape{1}, Init::ones(), /*decay_=*/false);
  }
}

std::vector<ConfigProblem> FcosHead::problems(const ModelConfig& config) {
  const std::int64_t groups = config.head.detector.groups;
  std::vector<ConfigProblem> problems = detector_problems(config);
  if (groups < 1 || config.head.channels % groups != 0) {
    problems.push_back(
        {{"model.head.groups", "model.head.channels"},
         fmt::format("head.channels {} % head.groups {} != 0", config.head.channels, groups)});
  }
  return problems;
}

std::vector<Var> FcosHead::pyramid(Tape& tape, std::span<const StageMap> maps) {
  return pyramid_of(tape, pyramid_, levels_, maps);
}

std::vector<Var> FcosHead::forward(Tape& tape, std::span<const StageMap> maps, Size2) {
  std::vector<Var> outputs;
  const std::vector<Var> levels = pyramid(tape, maps);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    Var classes = levels[i], boxes = levels[i];
    for (ConvNorm& conv : class_tower_) classes = conv.forward(tape, classes);  // [B, h, w, C]
    for (ConvNorm& conv : box_tower_) boxes = conv.forward(tape, boxes);
    outputs.push_back(logits_.forward(tape, classes));  // [B, h, w, K]
    const Var scale = scales_.empty() ? Var{} : tape.parameter(scales_[i]);
    outputs.push_back(ops::scaled_relu(tape, distances_.forward(tape, boxes), scale,
                                       static_cast<float>(levels_.strides[i])));  // [B, h, w, 4]
    outputs.push_back(centreness_.forward(tape, boxes));                          // [B, h, w, 1]
  }
  return outputs;
}

HeadPlan FcosHead::plan(std::span<const MapShape> maps, Size2) const {
  const std::vector<Size2> read = maps_read(levels_, maps);
  HeadPlan plan = pyramid_.plan(read);
  for (const Size2& size : pyramid_.sizes(read)) {
    for (const auto* tower : {&class_tower_, &box_tower_}) {
      for (const ConvNorm& conv : *tower) {
        plan.macs += conv.plan(size).macs;
        plan.saved += conv.plan(size).saved;
      }
    }
    for (const Conv2d* conv : {&logits_, &distances_, &centreness_}) add(plan, *conv, size);
  }
  return plan;
}

void FcosHead::visit(ParameterVisitor& visitor) {
  visitor("pyramid", pyramid_);
  visitor("class_tower", class_tower_);
  visitor("box_tower", box_tower_);
  visitor("logits", logits_);
  visitor("distances", distances_);
  visitor("centreness", centreness_);
  visitor("scales", scales_);
}

RetinaNetHead::RetinaNetHead(const ModelConfig& config)
    : levels_(detector_levels(config)),
      pyramid_(detector_channels(config, levels_), config.head.channels,
               {levels_.extra, levels_.extra_from_stage}),
      class_tower_(make_plain_tower(config.head)),
      box_tower_(make_plain_tower(config.head)),
      logits_(make_tower_conv(config.head.channels, anchors_of(config) * config.num_classes,
                              prior_bias())),
      distances_(make_tower_conv(config.head.channels, anchors_of(config) * 4)) {}

std::vector<Var> RetinaNetHead::forward(Tape& tape, std::span<const StageMap> maps, Size2) {
  std::vector<Var> outputs;
  for (const Var& level : pyramid_of(tape, pyramid_, levels_, maps)) {
    Var classes = level, boxes = level;
    for (Conv2d& conv : class_tower_) classes = ops::relu(tape, conv.forward(tape, classes));
    for (Conv2d& conv : box_tower_) boxes = ops::relu(tape, conv.forward(tape, boxes));
    outputs.push_back(logits_.forward(tape, classes));   // [B, h, w, A K]
    outputs.push_back(distances_.forward(tape, boxes));  // [B, h, w, A 4]
  }
  return outputs;
}

HeadPlan RetinaNetHead::plan(std::span<const MapShape> maps, Size2) const {
  const std::vector<Size2> read = maps_read(levels_, maps);
  HeadPlan plan = pyramid_.plan(read);
  for (const Size2& size : pyramid_.sizes(read)) {
    for (const auto* tower : {&class_tower_, &box_tower_}) {
      for (const Conv2d& conv : *tower) add(plan, conv, size);
    }
    for (const Conv2d* conv : {&logits_, &distances_}) add(plan, *conv, size);
  }
  return plan;
}

void RetinaNetHead::visit(ParameterVisitor& visitor) {
  visitor("pyramid", pyramid_);
  visitor("class_tower", class_tower_);
  visitor("box_tower", box_tower_);
  visitor("logits", logits_);
  visitor("distances", distances_);
}

}  // namespace tessera
