#include "tasks/detection/detections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/non_maximum_suppression.h"
#include "core/parallel.h"
#include "layers/heads/fcos_head.h"
#include "tasks/detection/fcos_loss.h"
#include "tasks/detection/fcos_targets.h"

namespace tessera {
namespace {

struct Candidate {
  float score;
  std::int64_t at;  ///< place * classes + class
};

bool better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.at < b.at;
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

/// The logit of a class below which no score at this place is above `threshold`: a little less than
/// where it is equal, since that is worked out otherwise than the score.
float least_logit(float centre, float threshold, FcosScore score) {
  const float product = score == FcosScore::kRoot ? threshold * threshold : threshold;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float share = product / centre;
  if (share > 1.001f) return kInfinity;
  if (share <= 0.0f) return -kInfinity;
  return std::log(share / std::max(1.0f - share, 0.001f)) - 0.01f;
}

/// The best of a level, by falling score. logits [places, K], centreness [places].
std::vector<Candidate> candidates_of(const float* logits, const float* centreness,
                                     std::int64_t places, std::int64_t classes,
                                     const FcosConfig& config) {
  const auto threshold = static_cast<float>(config.score_threshold);
  std::vector<Candidate> found;
  for (std::int64_t place = 0; place < places; ++place) {
    const float centre = sigmoid(centreness[place]);
    const float least = least_logit(centre, threshold, config.score);
    for (std::int64_t k = 0; k < classes; ++k) {
      const std::int64_t at = place * classes + k;
      if (!(logits[at] >= least)) continue;
      const float product = sigmoid(logits[at]) * centre;
      const float score = config.score == FcosScore::kRoot ? std::sqrt(product) : product;
      if (score > threshold) found.push_back({score, at});
    }
  }
  const auto most = static_cast<std::size_t>(config.before_nms);
  if (found.size() > most) {
    std::ranges::nth_element(found, found.begin() + config.before_nms, better);
    found.resize(most);
  }
  std::ranges::sort(found, better);
  return found;
}

ops::Corners box_at(const FcosLevel& level, std::int64_t place, const float* d, Size2 size) {
  const float y = level.y(place / level.map[1]), x = level.x(place % level.map[1]);
  const auto height = static_cast<float>(size[0]), width = static_cast<float>(size[1]);
  return {std::clamp(x - d[0], 0.0f, width), std::clamp(y - d[1], 0.0f, height),
          std::clamp(x + d[2], 0.0f, width), std::clamp(y + d[3], 0.0f, height)};
}

}  // namespace

std::vector<Detection> fcos_detections(const ModelConfig& model, std::span<const Tensor> outputs,
                                       std::int64_t index, Size2 image, Size2 size) {
  const FcosConfig& config = model.head.fcos;
  const FcosGrid grid = fcos_grid(model, fcos_maps(outputs), image);
  std::vector<ops::Corners> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> labels;
  for (std::size_t l = 0; l < grid.levels.size(); ++l) {
    const FcosLevel& level = grid.levels[l];
    const Tensor* const output = &outputs[l * FcosOutput::kParts];
    const std::int64_t classes = output[FcosOutput::kLogits].dim(3), first = index * level.places();
    const float* distances = output[FcosOutput::kDistances].f32() + 4 * first;
    for (const Candidate& candidate : candidates_of(
             output[FcosOutput::kLogits].f32() + first * classes,
             output[FcosOutput::kCentreness].f32() + first, level.places(), classes, config)) {
      const std::int64_t place = candidate.at / classes;
      boxes.push_back(box_at(level, place, distances + 4 * place, size));
      scores.push_back(candidate.score);
      labels.push_back(static_cast<std::int32_t>(candidate.at % classes));
    }
  }
  std::vector<Detection> detections;
  for (const std::int64_t i :
       ops::non_maximum_suppression(boxes, scores, labels, static_cast<float>(config.nms))) {
    if (static_cast<std::int64_t>(detections.size()) == config.keep) break;
    const auto at = static_cast<std::size_t>(i);
    const ops::Corners& box = boxes[at];
    detections.push_back({box.x0, box.y0, box.x1, box.y1, labels[at], scores[at]});
  }
  return detections;
}

std::vector<std::vector<Detection>> fcos_detections(const ModelConfig& model,
                                                    std::span<const Tensor> outputs,
                                                    const Batch& batch) {
  const Size2 image{batch.images.dim(1), batch.images.dim(2)};
  std::vector<std::vector<Detection>> detections(static_cast<std::size_t>(batch.size()));
  parallel_for(batch.size(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto at = static_cast<std::size_t>(b);
      Size2 size = image;
      if (!batch.sizes.empty()) size = {batch.sizes[at].height, batch.sizes[at].width};
      detections[at] = fcos_detections(model, outputs, b, image, size);
      if (batch.original_sizes.empty()) continue;
      scale(detections[at], size, batch.original_sizes[at]);
    }
  });
  return detections;
}

void scale(std::span<Detection> detections, Size2 from, const ImageShape& to) {
  const float sx = static_cast<float>(to.width) / static_cast<float>(from[1]);
  const float sy = static_cast<float>(to.height) / static_cast<float>(from[0]);
  for (Detection& found : detections) {
    found.x0 *= sx, found.x1 *= sx;
    found.y0 *= sy, found.y1 *= sy;
  }
}

}  // namespace tessera
