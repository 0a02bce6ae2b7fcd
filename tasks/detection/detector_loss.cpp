#include "tasks/detection/detector_loss.h"

#include <algorithm>

#include "core/ops/detection_losses.h"
#include "core/ops/elementwise.h"
#include "layers/heads/detector_heads.h"

namespace tessera {
namespace {

template <typename Outputs, typename ShapeOf>
std::vector<Size2> maps_of(const ModelConfig& model, const Outputs& outputs,
                           const ShapeOf& shape_of) {
  std::vector<Size2> maps;
  for (std::size_t i = 0; i < outputs.size(); i += detector_parts(model.head.type)) {
    const Shape& shape = shape_of(outputs[i]);
    maps.push_back({shape[1], shape[2]});
  }
  return maps;
}

void add_to(Tape& tape, Var& sum, const Var& term) { sum = sum ? ops::add(tape, sum, term) : term; }

/// 1 where something is to be found.
Tensor counted(const Tensor& labels) {
  const Tensor weights = Tensor::empty(labels.shape());
  std::ranges::transform(labels.span<std::int32_t>(), weights.f32(),
                         [](std::int32_t label) { return label < 0 ? 0.0f : 1.0f; });
  return weights;
}

}  // namespace

Var DetectorLosses::sum(Tape& tape) const {
  const Var both = ops::add(tape, classes, boxes);
  return centreness ? ops::add(tape, both, centreness) : both;
}

std::vector<Size2> detector_maps(const ModelConfig& model, std::span<const Var> outputs) {
  return maps_of(model, outputs, [](const Var& var) -> const Shape& { return var.shape(); });
}

std::vector<Size2> detector_maps(const ModelConfig& model, std::span<const Tensor> outputs) {
  return maps_of(model, outputs,
                 [](const Tensor& tensor) -> const Shape& { return tensor.shape(); });
}

DetectorLosses fcos_losses(Tape& tape, const DetectorConfig& config, std::span<const Var> outputs,
                           const FcosTargets& targets) {
  const bool by_centre = config.box_weight == FcosBoxWeight::kCentreness;
  DetectorLosses losses;
  losses.divisor = {static_cast<double>(targets.positives), 1.0};
  losses.by_boxes = by_centre ? Divisor{targets.centreness_sum, 1e-6} : losses.divisor;
  std::vector<double> sums = {losses.divisor.here, losses.by_boxes.here};
  if (Peers* peers = tape.options().part.peers) sums = peers->sum(sums);
  const double positives = Divisor{sums[0], losses.divisor.least}.value();
  const double box_divisor = Divisor{sums[1], losses.by_boxes.least}.value();
  for (std::size_t level = 0; level < targets.labels.size(); ++level) {
    const Var* const output = &outputs[level * FcosOutput::kParts];
    const Tensor weights = counted(targets.labels[level]);
    const Tensor& centreness = targets.centreness[level];
    add_to(tape, losses.classes,
           ops::sigmoid_focal_loss(tape, output[FcosOutput::kLogits], targets.labels[level],
                                   positives));
    add_to(tape, losses.boxes,
           ops::box_loss(tape, output[FcosOutput::kDistances], targets.distances[level],
                         by_centre ? centreness : weights, box_divisor));
    add_to(tape, losses.centreness,
           ops::weighted_binary_cross_entropy(tape, output[FcosOutput::kCentreness], centreness,
                                              weights, positives));
  }
  return losses;
}

DetectorLosses retinanet_losses(Tape& tape, std::span<const Var> outputs,
                                const AnchorTargets& targets) {
  // The shares of `targets` are of the images that are here.
  const std::int64_t images = targets.labels.front().dim(0);
  const double divisor =
      static_cast<double>(tape.options().part.samples(images)) / static_cast<double>(images);
  DetectorLosses losses;
  losses.divisor = losses.by_boxes = {static_cast<double>(images), 1.0};
  for (std::size_t level = 0; level < targets.labels.size(); ++level) {
    const Var* const output = &outputs[level * RetinaNetOutput::kParts];
    add_to(tape, losses.classes,
           ops::sigmoid_focal_loss(tape, output[RetinaNetOutput::kLogits], targets.labels[level],
                                   divisor, {.weights = targets.class_weights[level]}));
    add_to(tape, losses.boxes,
           ops::l1_loss(tape, output[RetinaNetOutput::kOffsets], targets.offsets[level],
                        targets.box_weights[level], divisor));
  }
  return losses;
}

DetectorLosses detector_losses(Tape& tape, const ModelConfig& model, std::span<const Var> outputs,
                               Size2 image, const std::vector<std::vector<Box>>& boxes) {
  const DetectorConfig& config = model.head.detector;
  const DetectorGrid grid = detector_grid(model, detector_maps(model, outputs), image);
  if (model.head.type == HeadType::kRetinaNet) {
    return retinanet_losses(tape, outputs, anchor_targets(grid, boxes, config));
  }
  return fcos_losses(tape, config, outputs, fcos_targets(grid, boxes));
}

}  // namespace tessera
