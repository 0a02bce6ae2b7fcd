// Halves the map between stages: the one interface of all mergings.
#pragma once

#include "core/tape.h"
#include "layers/model_config.h"

namespace tessera {

/// Channels before and behind a merging.
struct MergeChannels {
  std::int64_t in = 0;
  std::int64_t out = 0;
};

/// The map behind a merging.
inline Size2 merged(Size2 map) { return {(map[0] + 1) / 2, (map[1] + 1) / 2}; }

/// What a merging takes an image; known before any memory is taken.
struct PatchMergingPlan {
  std::int64_t macs = 0;   ///< multiply-adds
  std::int64_t saved = 0;  ///< values that a training step saves, beside the maps before and after
};

/// Layer norm stands before the projection, in Swin v2 behind it. Odd maps get a row or column of
/// zeros.
class PatchMerging {
 public:
  virtual ~PatchMerging() = default;

  /// Of a map of any size.
  virtual PatchMergingPlan plan(Size2 map) const = 0;

  /// [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), C']
  virtual Var forward(Tape& tape, const Var& x) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;
};

}  // namespace tessera
