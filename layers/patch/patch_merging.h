// Halves the map between stages: the one interface of all mergings.
#pragma once

#include <memory>
#include <vector>

#include "core/tape.h"
#include "layers/config_problem.h"
#include "layers/model_config.h"

namespace tessera {

/// What a merging is between.
struct MergeShape {
  Size2 map{};  ///< tokens before
  std::int64_t channels = 0;
  std::int64_t out_channels = 0;

  Size2 merged() const { return {(map[0] + 1) / 2, (map[1] + 1) / 2}; }
};

/// What a merging takes an image; known before any memory is taken.
struct PatchMergingPlan {
  std::int64_t macs = 0;  ///< multiply-adds
  std::int64_t kept = 0;  ///< values that a training step keeps, beside the maps before and after
};

/// Layer norm stands before the projection, in Swin v2 behind it. Odd maps get a row or column of
/// zeros.
class PatchMerging {
 public:
  virtual ~PatchMerging() = default;

  virtual PatchMergingPlan plan() const = 0;

  /// [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), C']
  virtual Var forward(Tape& tape, const Var& x) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;
};

/// What in `config` has no meaning for its merging at `shape`.
std::vector<ConfigProblem> patch_merging_problems(const ModelConfig& config,
                                                  const MergeShape& shape);

/// The merging that `config.patch_merging.type` names; there are no problems.
std::unique_ptr<PatchMerging> make_patch_merging(const ModelConfig& config,
                                                 const MergeShape& shape);

}  // namespace tessera
