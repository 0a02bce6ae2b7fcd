// Which windows cover a map: the one place that knows padding, clamping and shifting.
#pragma once

#include "layers/model_config.h"

namespace tessera {

/// The windows of one block over a map of tokens.
struct WindowPlan {
  Size2 window;  ///< tokens, after the policy
  Size2 shift;   ///< tokens; 0 on an axis that one window covers
  Size2 padded;  ///< the map, padded up to whole windows

  std::int64_t tokens() const { return window[0] * window[1]; }
  std::int64_t windows() const { return padded[0] / window[0] * (padded[1] / window[1]); }
};

/// Odd blocks of a stage are `shifted` by half a window, arXiv:2103.14030 section 3.2, unless the
/// configuration keeps all windows in place. ViT has one window, the map.
WindowPlan plan_windows(const ModelConfig& config, Size2 map, bool shifted);

}  // namespace tessera
