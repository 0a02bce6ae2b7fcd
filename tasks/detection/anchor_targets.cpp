#include "tasks/detection/anchor_targets.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace tessera {
namespace {

float area_of(const AnchorCorners& box) { return (box[2] - box[0]) * (box[3] - box[1]); }

/// Intersection over union, in f32 as torchvision works it out, so that ties are ties.
float overlap(const AnchorCorners& a, const AnchorCorners& b) {
  const float width = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const float height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (width <= 0.0f || height <= 0.0f) return 0.0f;
  const float inter = width * height;
  return inter / (area_of(a) + area_of(b) - inter);
}

/// Calls `use(index, corners)` of each anchor of all levels.
template <typename Use>
void for_each_anchor(const DetectorGrid& grid, const Use& use) {
  std::size_t at = 0;
  for (const DetectorLevel& level : grid.levels) {
    const std::int64_t count = level.places() * std::ssize(level.anchors);
    for (std::int64_t k = 0; k < count; ++k) use(at++, level.anchor(k));
  }
}

}  // namespace

std::array<float, 4> offsets_to(const Box& box, const AnchorCorners& anchor) {
  const float width = anchor[2] - anchor[0], height = anchor[3] - anchor[1];
  const float x = anchor[0] + 0.5f * width, y = anchor[1] + 0.5f * height;
  const float box_width = box.x1 - box.x0, box_height = box.y1 - box.y0;
  return {(box.x0 + 0.5f * box_width - x) / width, (box.y0 + 0.5f * box_height - y) / height,
          std::log(box_width / width), std::log(box_height / height)};
}

AnchorCorners box_at(const AnchorCorners& anchor, const float* offsets) {
  const float width = anchor[2] - anchor[0], height = anchor[3] - anchor[1];
  const float x = offsets[0] * width + (anchor[0] + 0.5f * width);
  const float y = offsets[1] * height + (anchor[1] + 0.5f * height);
  const float half_width = 0.5f * (std::exp(std::min(offsets[2], kMostGrowth)) * width);
  const float half_height = 0.5f * (std::exp(std::min(offsets[3], kMostGrowth)) * height);
  return {x - half_width, y - half_height, x + half_width, y + half_height};
}

std::vector<std::int32_t> match_anchors(const DetectorGrid& grid, std::span<const Box> boxes,
                                        const DetectorConfig& config) {
  std::int64_t count = 0;
  for (const DetectorLevel& level : grid.levels) {
    count += level.places() * std::ssize(level.anchors);
  }
  std::vector<std::int32_t> best(static_cast<std::size_t>(count), kNoBox);
  std::vector<float> overlaps(best.size(), -1.0f), most(boxes.size(), 0.0f);
  const auto with_boxes = [&](const AnchorCorners& anchor, const auto& use) {
    for (std::size_t b = 0; b < boxes.size(); ++b) {
      const Box& box = boxes[b];
      if (!box.crowd) use(b, overlap({box.x0, box.y0, box.x1, box.y1}, anchor));
    }
  };
  for_each_anchor(grid, [&](std::size_t at, const AnchorCorners& anchor) {
    with_boxes(anchor, [&](std::size_t b, float share) {
      most[b] = std::max(most[b], share);
      if (share <= overlaps[at]) return;
      overlaps[at] = share;
      best[at] = static_cast<std::int32_t>(b);
    });
  });
  std::vector<std::int32_t> matched(best.size());
  for (std::size_t at = 0; at < best.size(); ++at) {
    matched[at] = overlaps[at] >= static_cast<float>(config.positive)   ? best[at]
                  : overlaps[at] >= static_cast<float>(config.negative) ? kLeftOut
                                                                        : kNoBox;
  }
  for_each_anchor(grid, [&](std::size_t at, const AnchorCorners& anchor) {
    if (overlaps[at] <= 0.0f || matched[at] >= 0) return;
    with_boxes(anchor, [&](std::size_t b, float share) {
      if (share > 0.0f && share == most[b]) matched[at] = best[at];
    });
  });
  return matched;
}

AnchorTargets anchor_targets(const DetectorGrid& grid, const std::vector<std::vector<Box>>& boxes,
                             const DetectorConfig& config) {
  const auto batch = static_cast<std::int64_t>(boxes.size());
  AnchorTargets targets;
  for (const DetectorLevel& level : grid.levels) {
    const auto [height, width] = level.map;
    const std::int64_t anchors = std::ssize(level.anchors);
    targets.labels.push_back(Tensor::empty({batch, height, width, anchors}, DType::kI32));
    std::ranges::fill(targets.labels.back().span<std::int32_t>(), kNoBox);
    targets.class_weights.push_back(Tensor::zeros({batch, height, width, anchors}));
    targets.offsets.push_back(Tensor::zeros({batch, height, width, anchors, 4}));
    targets.box_weights.push_back(Tensor::zeros({batch, height, width, anchors}));
  }
  parallel_for(batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::vector<Box>& own = boxes[static_cast<std::size_t>(b)];
      const std::vector<std::int32_t> matched = match_anchors(grid, own, config);
      const auto positives =
          std::ranges::count_if(matched, [](std::int32_t match) { return match >= 0; });
      const float share = 1.0f / static_cast<float>(std::max<std::int64_t>(1, positives) * batch);
      const std::int32_t* match = matched.data();
      for (std::size_t l = 0; l < grid.levels.size(); ++l) {
        const DetectorLevel& level = grid.levels[l];
        const std::int64_t count = level.places() * std::ssize(level.anchors);
        for (std::int64_t k = 0; k < count; ++k, ++match) {
          const std::int64_t at = b * count + k;
          if (*match == kLeftOut) continue;
          targets.class_weights[l].f32()[at] = share;
          if (*match == kNoBox) continue;
          const Box& box = own[static_cast<std::size_t>(*match)];
          targets.labels[l].data<std::int32_t>()[at] = box.label;
          targets.box_weights[l].f32()[at] = share;
          std::ranges::copy(offsets_to(box, level.anchor(k)), targets.offsets[l].f32() + 4 * at);
        }
      }
    }
  });
  return targets;
}

}  // namespace tessera
