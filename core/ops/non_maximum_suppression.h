// Picking among overlapping boxes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera::ops {

/// Corners in any one unit.
struct Corners {
  float x0 = 0.0f, y0 = 0.0f, x1 = 0.0f, y1 = 0.0f;
};

/// Boxes from the highest score on (of equal scores the lower index first): each is kept unless its
/// intersection over union with a kept one of its class is above `threshold`; boxes without area
/// suppress nothing. Gives the kept indices in that order. `classes` may be empty: then all boxes
/// are of one class. Throws ShapeError unless all spans are as long as `boxes`.
std::vector<std::int64_t> non_maximum_suppression(std::span<const Corners> boxes,
                                                  std::span<const float> scores,
                                                  std::span<const std::int32_t> classes,
                                                  float threshold);

}  // namespace tessera::ops
