// Which windows cover a map: the one place that knows padding, clamping and shifting.
#pragma once

#include "layers/model_config.h"

namespace tessera {

/// The windows of one block over a map of tokens.
struct WindowPlan {
  Size2 window;  ///< tokens, after the policy
  Size2 shift;   ///< tokens
  Size2 padded;  ///< the map, padded up to whole windows

  std::int64_t tokens() const { return window[0] * window[1]; }
  std::int64_t windows() const { return padded[0] / window[0] * (padded[1] / window[1]); }
};

/// How the windows of one block follow from a map.
struct WindowRule {
  Size2 window;  ///< tokens
  WindowPolicy policy;
  bool moves;      ///< by half a window, arXiv:2103.14030 section 3.2
  bool whole_map;  ///< one window, the map: ViT

  /// Of a map of any size. Where one window covers an axis it does not move along it, unless the
  /// policy is to keep that too.
  WindowPlan plan(Size2 map) const;
};

/// Odd blocks of a stage are `shifted`, unless the configuration keeps all windows in place.
WindowRule window_rule(const ModelConfig& config, bool shifted);

/// The windows of a block of the model of `config` that is built for this map.
inline WindowPlan plan_windows(const ModelConfig& config, Size2 map, bool shifted) {
  return window_rule(config, shifted).plan(map);
}

}  // namespace tessera
