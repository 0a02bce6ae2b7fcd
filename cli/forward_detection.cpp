#include "cli/forward_detection.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/error.h"
#include "layers/heads/detector_heads.h"
#include "tasks/detection/detections.h"
#include "tasks/detection/detector_loss.h"

namespace tessera {
namespace {

/// Part `part` of each level, [B, h, w, A columns] -> [B, L, columns] f32, that of level l times
/// `factors[l]`.
Tensor joined(const ModelConfig& model, std::span<const Tensor> outputs, std::size_t part,
              std::int64_t columns, const std::vector<float>& factors) {
  const std::size_t parts = detector_parts(model.head.type);
  const std::int64_t batch = outputs[part].dim(0);
  std::int64_t whole = 0;  // numbers of an image
  for (std::size_t i = part; i < outputs.size(); i += parts) whole += outputs[i].numel() / batch;
  const Tensor all = Tensor::empty({batch, whole / columns, columns});
  std::int64_t before = 0;
  for (std::size_t i = part; i < outputs.size(); i += parts) {
    const std::int64_t own = outputs[i].numel() / batch;
    const float factor = factors[i / parts];
    for (std::int64_t b = 0; b < batch; ++b) {
      std::transform(outputs[i].f32() + b * own, outputs[i].f32() + (b + 1) * own,
                     all.f32() + (b * whole + before),
                     [factor](float value) { return value * factor; });
    }
    before += own;
  }
  return all;
}

std::vector<Tensor> values_of(std::span<const Var> outputs) {
  std::vector<Tensor> values;
  for (const Var& output : outputs) {
    values.push_back(output.value.dtype() == DType::kF32 ? output.value
                                                         : cast(output.value, DType::kF32));
  }
  return values;
}

/// Of retinanet its anchors, of fcos squares of a stride around the places.
Tensor anchors_of(const DetectorGrid& grid) {
  std::vector<float> corners;
  for (DetectorLevel level : grid.levels) {
    const float half = level.stride / 2.0f;
    if (level.anchors.empty()) level.anchors.push_back({-half, -half, half, half});
    for (std::int64_t k = 0; k < level.places() * std::ssize(level.anchors); ++k) {
      std::ranges::copy(level.anchor(k), std::back_inserter(corners));
    }
  }
  return Tensor::from({std::ssize(corners) / 4, 4}, std::span<const float>(corners));
}

std::vector<NamedTensor> head_results(const ModelConfig& model, std::span<const Tensor> values,
                                      const DetectorGrid& grid) {
  const std::vector<float> ones(grid.levels.size(), 1.0f);
  if (model.head.type == HeadType::kRetinaNet) {
    return {
        {"cls_logits", joined(model, values, RetinaNetOutput::kLogits, model.num_classes, ones)},
        {"bbox_regression", joined(model, values, RetinaNetOutput::kOffsets, 4, ones)},
        {"anchors", anchors_of(grid)}};
  }
  std::vector<float> strides;
  for (const DetectorLevel& level : grid.levels) strides.push_back(1.0f / level.stride);
  return {{"cls_logits", joined(model, values, FcosOutput::kLogits, model.num_classes, ones)},
          {"bbox_regression", joined(model, values, FcosOutput::kDistances, 4, strides)},
          {"bbox_ctrness", joined(model, values, FcosOutput::kCentreness, 1, ones)},
          {"anchors", anchors_of(grid)}};
}

std::vector<Box> boxes_of(const TensorFile& file, std::int64_t image, std::int64_t classes) {
  const std::string name = fmt::format("target/{}/", image);
  const Tensor corners = file.f32(name + "boxes"), labels = file.i32(name + "labels");
  const std::int64_t count = labels.numel();
  if (labels.rank() != 1 || corners.shape() != Shape{count, 4}) {
    fail<ShapeError>("{}: {}boxes {} and {}labels {} are not [n, 4] and [n]", file.path, name,
                     corners.shape(), name, labels.shape());
  }
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < count; ++i) {
    const float* c = corners.f32() + 4 * i;
    const std::int32_t label = labels.data<std::int32_t>()[i];
    if (!std::all_of(c, c + 4, [](float side) { return std::isfinite(side); })) {
      fail<DataError>("{}: {}boxes: row {} is not finite", file.path, name, i);
    }
    if (label < 0 || label >= classes) {
      fail<DataError>("{}: {}labels: {} is no class; there are 0 to {}", file.path, name, label,
                      classes - 1);
    }
    boxes.push_back({.x0 = c[0], .y0 = c[1], .x1 = c[2], .y1 = c[3], .label = label});
  }
  return boxes;
}

}  // namespace

std::vector<NamedTensor> detection_results(const ModelConfig& model, std::span<const Var> outputs,
                                           Size2 image) {
  const std::vector<Tensor> values = values_of(outputs);
  std::vector<NamedTensor> results =
      head_results(model, values, detector_grid(model, detector_maps(model, values), image));
  for (std::int64_t b = 0; b < values.front().dim(0); ++b) {
    const std::vector<Detection> found = detections_of(model, values, b, image, image);
    const auto count = static_cast<std::int64_t>(found.size());
    const Tensor boxes = Tensor::empty({count, 4}), scores = Tensor::empty({count});
    const Tensor labels = Tensor::empty({count}, DType::kI32);
    for (std::int64_t i = 0; i < count; ++i) {
      const Detection& one = found[static_cast<std::size_t>(i)];
      std::ranges::copy(std::array{one.x0, one.y0, one.x1, one.y1}, boxes.f32() + 4 * i);
      scores.f32()[i] = one.score;
      labels.data<std::int32_t>()[i] = one.label;
    }
    results.push_back({fmt::format("det/{}/boxes", b), boxes});
    results.push_back({fmt::format("det/{}/scores", b), scores});
    results.push_back({fmt::format("det/{}/labels", b), labels});
  }
  return results;
}

Var detection_loss(Tape& tape, const ModelConfig& model, std::span<const Var> outputs, Size2 image,
                   const TensorFile& file, std::vector<NamedTensor>& results) {
  std::vector<std::vector<Box>> boxes;
  for (std::int64_t b = 0; b < outputs.front().dim(0); ++b) {
    boxes.push_back(boxes_of(file, b, model.num_classes));
  }
  const DetectorLosses losses = detector_losses(tape, model, outputs, image, boxes);
  results.push_back({"loss/classification", losses.classes.value});
  results.push_back({"loss/bbox_regression", losses.boxes.value});
  if (losses.centreness) results.push_back({"loss/bbox_ctrness", losses.centreness.value});
  const DetectorGrid grid = detector_grid(model, detector_maps(model, outputs), image);
  for (std::size_t b = 0; b < boxes.size(); ++b) {
    const std::vector<std::int32_t> matched =
        model.head.type == HeadType::kRetinaNet ? match_anchors(grid, boxes[b], model.head.detector)
                                                : match_places(grid, boxes[b]);
    results.push_back(
        {fmt::format("matched/{}", b),
         Tensor::from({std::ssize(matched)}, std::span<const std::int32_t>(matched))});
  }
  return losses.sum(tape);
}

}  // namespace tessera
