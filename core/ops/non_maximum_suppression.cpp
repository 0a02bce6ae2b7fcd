#include "core/ops/non_maximum_suppression.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

/// Boxes of one class by falling score, side by side for vectors.
struct Columns {
  std::vector<float> x0, y0, x1, y1, area;
  std::vector<std::int64_t> places;  // among all boxes by falling score
  std::vector<std::int32_t> suppressed;

  void clear() {
    for (std::vector<float>* column : {&x0, &y0, &x1, &y1, &area}) column->clear();
    places.clear();
    suppressed.clear();
  }
  void add(const Corners& box, std::int64_t place) {
    x0.push_back(box.x0);
    y0.push_back(box.y0);
    x1.push_back(box.x1);
    y1.push_back(box.y1);
    area.push_back((box.x1 - box.x0) * (box.y1 - box.y0));
    places.push_back(place);
    suppressed.push_back(0);
  }
};

// Marks the boxes behind `first` that overlap it by more than the threshold. 0 / 0 is not above it.
TESSERA_KERNEL void suppress(const float* x0, const float* y0, const float* x1, const float* y1,
                             const float* area, std::int64_t first, std::int64_t count,
                             float threshold, std::int32_t* suppressed) {
  const float left = x0[first], top = y0[first], right = x1[first], bottom = y1[first];
  const float own = area[first];
#pragma omp simd
  for (std::int64_t i = first + 1; i < count; ++i) {
    const float near_x = x0[i] > left ? x0[i] : left, near_y = y0[i] > top ? y0[i] : top;
    const float far_x = x1[i] < right ? x1[i] : right, far_y = y1[i] < bottom ? y1[i] : bottom;
    const float width = far_x - near_x > 0.0f ? far_x - near_x : 0.0f;
    const float height = far_y - near_y > 0.0f ? far_y - near_y : 0.0f;
    const float inter = width * height;
    suppressed[i] |= inter / (own + area[i] - inter) > threshold ? 1 : 0;
  }
}

void mark_kept(Columns& c, float threshold, std::vector<char>& kept) {
  const auto count = static_cast<std::int64_t>(c.places.size());
  for (std::int64_t i = 0; i < count; ++i) {
    if (c.suppressed[static_cast<std::size_t>(i)] != 0) continue;
    kept[static_cast<std::size_t>(c.places[static_cast<std::size_t>(i)])] = 1;
    suppress(c.x0.data(), c.y0.data(), c.x1.data(), c.y1.data(), c.area.data(), i, count, threshold,
             c.suppressed.data());
  }
}

}  // namespace

std::vector<std::int64_t> non_maximum_suppression(std::span<const Corners> boxes,
                                                  std::span<const float> scores,
                                                  std::span<const std::int32_t> classes,
                                                  float threshold) {
  if (scores.size() != boxes.size() || (!classes.empty() && classes.size() != boxes.size())) {
    fail<ShapeError>("[non_maximum_suppression] {} boxes, {} scores, {} classes: give one of each",
                     boxes.size(), scores.size(), classes.size());
  }
  std::vector<std::int64_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return scores[at(a)] > scores[at(b)]; });
  // Places in `order`, class by class, each by falling score.
  std::vector<std::int64_t> places(order.size());
  std::iota(places.begin(), places.end(), std::int64_t{0});
  const auto class_of = [&](std::int64_t place) {
    return classes.empty() ? 0 : classes[at(order[at(place)])];
  };
  std::stable_sort(places.begin(), places.end(),
                   [&](std::int64_t a, std::int64_t b) { return class_of(a) < class_of(b); });
  std::vector<char> kept(order.size(), 0);
  Columns columns;
  for (std::size_t i = 0; i < places.size(); ++i) {
    columns.add(boxes[at(order[at(places[i])])], places[i]);
    if (i + 1 < places.size() && class_of(places[i + 1]) == class_of(places[i])) continue;
    mark_kept(columns, threshold, kept);
    columns.clear();
  }
  std::vector<std::int64_t> result;
  for (std::size_t place = 0; place < order.size(); ++place) {
    if (kept[place] != 0) result.push_back(order[place]);
  }
  return result;
}

}  // namespace tessera::ops
