#include "tasks/detection/fcos_loss.h"

#include <algorithm>

#include "core/ops/detection_losses.h"
#include "core/ops/elementwise.h"
#include "layers/heads/fcos_head.h"

namespace tessera {
namespace {

template <typename Outputs, typename ShapeOf>
std::vector<Size2> maps_of(const Outputs& outputs, const ShapeOf& shape_of) {
  std::vector<Size2> maps;
  for (std::size_t i = 0; i < outputs.size(); i += FcosOutput::kParts) {
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

std::vector<Size2> fcos_maps(std::span<const Var> outputs) {
  return maps_of(outputs, [](const Var& var) -> const Shape& { return var.shape(); });
}

std::vector<Size2> fcos_maps(std::span<const Tensor> outputs) {
  return maps_of(outputs, [](const Tensor& tensor) -> const Shape& { return tensor.shape(); });
}

FcosLosses fcos_losses(Tape& tape, const FcosConfig& config, std::span<const Var> outputs,
                       const FcosTargets& targets) {
  const auto positives = static_cast<double>(std::max<std::int64_t>(1, targets.positives));
  const bool by_centre = config.box_weight == FcosBoxWeight::kCentreness;
  const double box_divisor = by_centre ? std::max(1e-6, targets.centreness_sum) : positives;
  FcosLosses losses;
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

}  // namespace tessera
