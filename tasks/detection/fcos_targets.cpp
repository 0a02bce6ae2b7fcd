#include "tasks/detection/fcos_targets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/parallel.h"

namespace tessera {
namespace {

/// The distances of a place to the sides of a box: left, top, right, bottom.
std::array<float, 4> distances_to(const Box& box, float y, float x) {
  return {x - box.x0, y - box.y0, box.x1 - x, box.y1 - y};
}

/// Where places of one axis may lie that find a box: from the first to behind the last.
struct Range {
  std::int64_t begin, end;
};

/// Places with `low` < position < `high`, and perhaps a neighbour on either side.
Range around(float low, float high, float first, float step, std::int64_t count) {
  const auto limit = static_cast<float>(count);
  const float from = std::floor((low - first) / step), to = std::ceil((high - first) / step);
  return {static_cast<std::int64_t>(std::clamp(from, 0.0f, limit)),
          static_cast<std::int64_t>(std::clamp(to + 1.0f, 0.0f, limit))};
}

/// What a box counts by where several lie over a place: the largest has it.
float rank_of(const Box& box, bool rough) {
  const float area = (box.x1 - box.x0) * (box.y1 - box.y0);
  return rough ? 1e8f - area : -area;
}

bool finds(const DetectorGrid& grid, const DetectorLevel& level, const Box& box, float y, float x) {
  const std::array<float, 4> d = distances_to(box, y, x);
  const float away =
      std::max(std::abs(x - (box.x0 + box.x1) / 2.0f), std::abs(y - (box.y0 + box.y1) / 2.0f));
  if (!(away < grid.radius * level.stride) || !(std::ranges::min(d) > 0.0f)) return false;
  const float farthest = std::ranges::max(d);
  return (grid.open_ranges ? farthest > level.low : farthest >= level.low) && farthest < level.high;
}

float centreness_of(const std::array<float, 4>& d) {
  const auto share = [](float a, float b) { return std::min(a, b) / std::max(a, b); };
  return std::sqrt(share(d[0], d[2]) * share(d[1], d[3]));
}

}  // namespace

std::vector<std::int32_t> match_places(const DetectorGrid& grid, std::span<const Box> boxes) {
  const auto count = static_cast<std::size_t>(grid.places());
  std::vector<std::int32_t> matched(count, -1);
  std::vector<float> ranks(count, -std::numeric_limits<float>::infinity());
  for (std::size_t k = 0; k < boxes.size(); ++k) {
    const Box& box = boxes[k];
    if (box.crowd) continue;
    const float rank = rank_of(box, grid.rough_areas);
    std::int64_t before = 0;  // places of the levels before
    for (const DetectorLevel& level : grid.levels) {
      const float reach = grid.radius * level.stride;
      const float cx = (box.x0 + box.x1) / 2.0f, cy = (box.y0 + box.y1) / 2.0f;
      const Range rows = around(std::max(box.y0, cy - reach), std::min(box.y1, cy + reach),
                                level.first_y, level.step_y, level.map[0]);
      const Range columns = around(std::max(box.x0, cx - reach), std::min(box.x1, cx + reach),
                                   level.first_x, level.step_x, level.map[1]);
      for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        for (std::int64_t j = columns.begin; j < columns.end; ++j) {
          const auto at = static_cast<std::size_t>(before + i * level.map[1] + j);
          if (!(rank > ranks[at]) || !finds(grid, level, box, level.y(i), level.x(j))) continue;
          ranks[at] = rank;
          matched[at] = static_cast<std::int32_t>(k);
        }
      }
      before += level.places();
    }
  }
  return matched;
}

FcosTargets fcos_targets(const DetectorGrid& grid, const std::vector<std::vector<Box>>& boxes) {
  const auto batch = static_cast<std::int64_t>(boxes.size());
  FcosTargets targets;
  for (const DetectorLevel& level : grid.levels) {
    const auto [height, width] = level.map;
    targets.labels.push_back(Tensor::empty({batch, height, width}, DType::kI32));
    targets.distances.push_back(Tensor::zeros({batch, height, width, 4}));
    targets.centreness.push_back(Tensor::zeros({batch, height, width}));
  }
  std::vector<std::int64_t> positives(boxes.size());
  std::vector<double> sums(boxes.size());
  parallel_for(batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto image = static_cast<std::size_t>(b);
      const std::vector<std::int32_t> matched = match_places(grid, boxes[image]);
      const std::int32_t* match = matched.data();
      for (std::size_t l = 0; l < grid.levels.size(); ++l) {
        const DetectorLevel& level = grid.levels[l];
        const std::int64_t first = b * level.places();
        for (std::int64_t place = 0; place < level.places(); ++place, ++match) {
          const std::int64_t at = first + place;
          targets.labels[l].data<std::int32_t>()[at] = -1;
          if (*match < 0) continue;
          const Box& box = boxes[image][static_cast<std::size_t>(*match)];
          const std::array<float, 4> d =
              distances_to(box, level.y(place / level.map[1]), level.x(place % level.map[1]));
          targets.labels[l].data<std::int32_t>()[at] = box.label;
          std::ranges::copy(d, targets.distances[l].f32() + 4 * at);
          targets.centreness[l].f32()[at] = centreness_of(d);
          sums[image] += double{centreness_of(d)};
          ++positives[image];
        }
      }
    }
  });
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    targets.positives += positives[i];
    targets.centreness_sum += sums[i];
  }
  return targets;
}

}  // namespace tessera
