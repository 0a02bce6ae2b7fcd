// What a study knows a run by.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/grid.h"

namespace tessera {

/// A text that is equal for configurations which train the same: without where runs are put, and
/// without how a machine goes about it, which are `train.threads`, `train.recompute`,
/// `data.workers`, `data.cache`, `data.cache_folder`, `train.tensorboard` and
/// `train.checkpoint_every`. So a study that moves to a larger machine keeps its runs.
class RunIdentity {
 public:
  RunIdentity() = default;

  /// What the cells of a study differ in counts all the same.
  explicit RunIdentity(std::span<const Cell> cells);

  /// Also of a configuration that an earlier version of the program wrote, with fewer keys.
  std::string of(const Config& config) const;

 private:
  std::vector<std::string> kept_;  ///< keys of the machine that are part of it
};

/// `KEY=VALUE` for each key of the machine in which `run` is not as `wanted`.
std::vector<std::string> machine_overrides(const Config& run, const Config& wanted);

}  // namespace tessera
