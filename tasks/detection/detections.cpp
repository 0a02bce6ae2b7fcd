#include "tasks/detection/detections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/non_maximum_suppression.h"
#include "core/parallel.h"
#include "layers/heads/detector_heads.h"
#include "tasks/detection/anchor_targets.h"
#include "tasks/detection/detector_loss.h"

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

/// The `before_nms` best, by falling score.
void keep_best(std::vector<Candidate>& found, std::int64_t before_nms) {
  const auto most = static_cast<std::size_t>(before_nms);
  if (found.size() > most) {
    std::ranges::nth_element(found, found.begin() + before_nms, better);
    found.resize(most);
  }
  std::ranges::sort(found, better);
}

/// Of a level. logits [places, K], centreness [places].
std::vector<Candidate> fcos_candidates(const float* logits, const float* centreness,
                                       std::int64_t places, std::int64_t classes,
                                       const DetectorConfig& config) {
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
  return found;
}

/// Of a level. logits [anchors, K].
std::vector<Candidate> anchor_candidates(const float* logits, std::int64_t count,
                                         const DetectorConfig& config) {
  const auto threshold = static_cast<float>(config.score_threshold);
  const float least = least_logit(1.0f, threshold, FcosScore::kProduct);
  std::vector<Candidate> found;
  for (std::int64_t at = 0; at < count; ++at) {
    if (!(logits[at] >= least)) continue;
    const float score = sigmoid(logits[at]);
    if (score > threshold) found.push_back({score, at});
  }
  return found;
}

AnchorCorners box_around(const DetectorLevel& level, std::int64_t place, const float* d) {
  const float y = level.y(place / level.map[1]), x = level.x(place % level.map[1]);
  return {x - d[0], y - d[1], x + d[2], y + d[3]};
}

/// What stands for boxes before some of them go.
struct Candidates {
  std::vector<ops::Corners> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> labels;

  void add(const AnchorCorners& box, Size2 size, float score, std::int64_t label) {
    const auto height = static_cast<float>(size[0]), width = static_cast<float>(size[1]);
    boxes.push_back({std::clamp(box[0], 0.0f, width), std::clamp(box[1], 0.0f, height),
                     std::clamp(box[2], 0.0f, width), std::clamp(box[3], 0.0f, height)});
    scores.push_back(score);
    labels.push_back(static_cast<std::int32_t>(label));
  }
};

void add_fcos(const DetectorLevel& level, const Tensor* output, std::int64_t index, Size2 size,
              const DetectorConfig& config, Candidates& candidates) {
  const std::int64_t classes = output[FcosOutput::kLogits].dim(3), first = index * level.places();
  const float* distances = output[FcosOutput::kDistances].f32() + 4 * first;
  std::vector<Candidate> found = fcos_candidates(
      output[FcosOutput::kLogits].f32() + first * classes,
      output[FcosOutput::kCentreness].f32() + first, level.places(), classes, config);
  keep_best(found, config.before_nms);
  for (const Candidate& one : found) {
    const std::int64_t place = one.at / classes;
    candidates.add(box_around(level, place, distances + 4 * place), size, one.score,
                   one.at % classes);
  }
}

void add_retinanet(const DetectorLevel& level, const Tensor* output, std::int64_t index, Size2 size,
                   const DetectorConfig& config, Candidates& candidates) {
  const std::int64_t anchors = level.places() * std::ssize(level.anchors);
  const std::int64_t classes = output[RetinaNetOutput::kLogits].dim(3) / std::ssize(level.anchors);
  const float* offsets = output[RetinaNetOutput::kOffsets].f32() + 4 * index * anchors;
  std::vector<Candidate> found =
      anchor_candidates(output[RetinaNetOutput::kLogits].f32() + index * anchors * classes,
                        anchors * classes, config);
  keep_best(found, config.before_nms);
  for (const Candidate& one : found) {
    const std::int64_t k = one.at / classes;
    candidates.add(box_at(level.anchor(k), offsets + 4 * k), size, one.score, one.at % classes);
  }
}

}  // namespace

std::vector<Detection> detections_of(const ModelConfig& model, std::span<const Tensor> outputs,
                                     std::int64_t index, Size2 image, Size2 size) {
  const DetectorConfig& config = model.head.detector;
  const DetectorGrid grid = detector_grid(model, detector_maps(model, outputs), image);
  const bool has_anchors = model.head.type == HeadType::kRetinaNet;
  Candidates candidates;
  for (std::size_t l = 0; l < grid.levels.size(); ++l) {
    const Tensor* const output = &outputs[l * detector_parts(model.head.type)];
    (has_anchors ? add_retinanet : add_fcos)(grid.levels[l], output, index, size, config,
                                             candidates);
  }
  std::vector<Detection> detections;
  for (const std::int64_t i :
       ops::non_maximum_suppression(candidates.boxes, candidates.scores, candidates.labels,
                                    static_cast<float>(config.nms))) {
    if (static_cast<std::int64_t>(detections.size()) == config.keep) break;
    const auto at = static_cast<std::size_t>(i);
    const ops::Corners& box = candidates.boxes[at];
    detections.push_back(
        {box.x0, box.y0, box.x1, box.y1, candidates.labels[at], candidates.scores[at]});
  }
  return detections;
}

std::vector<std::vector<Detection>> detections_of(const ModelConfig& model,
                                                  std::span<const Tensor> outputs,
                                                  const Batch& batch) {
  const Size2 image{batch.images.dim(1), batch.images.dim(2)};
  std::vector<std::vector<Detection>> detections(static_cast<std::size_t>(batch.size()));
  parallel_for(batch.size(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto at = static_cast<std::size_t>(b);
      Size2 size = image;
      if (!batch.sizes.empty()) size = {batch.sizes[at].height, batch.sizes[at].width};
      detections[at] = detections_of(model, outputs, b, image, size);
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
