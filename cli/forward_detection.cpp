#include "cli/forward_detection.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "layers/heads/fcos_head.h"
#include "tasks/detection/detections.h"
#include "tasks/detection/fcos_loss.h"

namespace tessera {
namespace {

/// [B, h, w, C] of each level, every third of `outputs` from `part` on -> [B, L, C] f32, those of
/// level l times `factors[l]`.
Tensor joined(std::span<const Tensor> outputs, std::size_t part,
              const std::vector<float>& factors) {
  const std::int64_t batch = outputs[part].dim(0), columns = outputs[part].dim(3);
  std::int64_t places = 0;
  for (std::size_t i = part; i < outputs.size(); i += FcosOutput::kParts) {
    places += outputs[i].dim(1) * outputs[i].dim(2);
  }
  const Tensor all = Tensor::empty({batch, places, columns});
  std::int64_t before = 0;
  for (std::size_t i = part; i < outputs.size(); i += FcosOutput::kParts) {
    const std::int64_t own = outputs[i].dim(1) * outputs[i].dim(2) * columns;
    const float factor = factors[i / FcosOutput::kParts];
    for (std::int64_t b = 0; b < batch; ++b) {
      std::transform(outputs[i].f32() + b * own, outputs[i].f32() + (b + 1) * own,
                     all.f32() + (b * places * columns + before),
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

Tensor anchors_of(const FcosGrid& grid) {
  const Tensor anchors = Tensor::empty({grid.places(), 4});
  float* to = anchors.f32();
  for (const FcosLevel& level : grid.levels) {
    const float half = level.stride / 2.0f;
    for (std::int64_t place = 0; place < level.places(); ++place) {
      const float y = level.y(place / level.map[1]), x = level.x(place % level.map[1]);
      for (const float side : {x - half, y - half, x + half, y + half}) *to++ = side;
    }
  }
  return anchors;
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
  const FcosGrid grid = fcos_grid(model, fcos_maps(values), image);
  const std::vector<float> ones(grid.levels.size(), 1.0f);
  std::vector<float> strides;
  for (const FcosLevel& level : grid.levels) strides.push_back(1.0f / level.stride);
  std::vector<NamedTensor> results = {
      {"cls_logits", joined(values, FcosOutput::kLogits, ones)},
      {"bbox_regression", joined(values, FcosOutput::kDistances, strides)},
      {"bbox_ctrness", joined(values, FcosOutput::kCentreness, ones)},
      {"anchors", anchors_of(grid)}};
  for (std::int64_t b = 0; b < values.front().dim(0); ++b) {
    const std::vector<Detection> found = fcos_detections(model, values, b, image, image);
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
  const FcosGrid grid = fcos_grid(model, fcos_maps(outputs), image);
  const FcosLosses losses = fcos_losses(tape, model.head.fcos, outputs, fcos_targets(grid, boxes));
  results.push_back({"loss/classification", losses.classes.value});
  results.push_back({"loss/bbox_regression", losses.boxes.value});
  results.push_back({"loss/bbox_ctrness", losses.centreness.value});
  for (std::size_t b = 0; b < boxes.size(); ++b) {
    const std::vector<std::int32_t> matched = match_places(grid, boxes[b]);
    results.push_back({fmt::format("matched/{}", b),
                       Tensor::from({grid.places()}, std::span<const std::int32_t>(matched))});
  }
  return ops::add(tape, ops::add(tape, losses.classes, losses.boxes), losses.centreness);
}

}  // namespace tessera
