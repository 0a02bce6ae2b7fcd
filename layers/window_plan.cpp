#include "layers/window_plan.h"

#include <algorithm>

namespace tessera {

WindowPlan WindowRule::plan(Size2 map) const {
  if (whole_map) return {map, {0, 0}, map};
  WindowPlan plan{.window = window, .shift = {}, .padded = {}};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::int64_t& side = plan.window[axis];
    if (policy == WindowPolicy::kClamp) side = std::min(side, map[axis]);
    plan.padded[axis] = (map[axis] + side - 1) / side * side;
    const bool covers = side == plan.padded[axis];
    if (moves && (!covers || policy == WindowPolicy::kKeep)) plan.shift[axis] = side / 2;
  }
  return plan;
}

WindowRule window_rule(const ModelConfig& config, bool shifted) {
  return {.window = config.window_size,
          .policy = config.window_policy,
          .moves = config.window_shift && shifted,
          .whole_map = config.name == ModelName::kViT};
}

}  // namespace tessera
