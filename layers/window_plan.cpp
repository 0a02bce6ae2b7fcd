#include "layers/window_plan.h"

#include <algorithm>

namespace tessera {

WindowPlan plan_windows(const ModelConfig& config, Size2 map, bool shifted) {
  if (config.name == ModelName::kViT) return {map, {0, 0}, map};
  WindowPlan plan{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::int64_t& window = plan.window[axis];
    window = config.window_size[axis];
    if (config.window_policy == WindowPolicy::kClamp) window = std::min(window, map[axis]);
    plan.padded[axis] = (map[axis] + window - 1) / window * window;
    const bool moves = config.window_shift && shifted && window < plan.padded[axis];
    plan.shift[axis] = moves ? window / 2 : 0;
  }
  return plan;
}

}  // namespace tessera
