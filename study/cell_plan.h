// What a cell of a study costs, and cells that differ in what a study asks about and are equal in
// one cost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "layers/stage_plan.h"
#include "study/grid.h"
#include "train/training_plan.h"

namespace tessera {

/// Measured, of one machine.
struct CellSpeed {
  double train_images_per_s = 0.0;
  double test_images_per_s = 0.0;
};

struct CellPlan {
  ModelPlan model;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;  ///< multiply-adds of one image's forward pass
  TrainingLength length;
  std::int64_t predicted_bytes = 0;  ///< at the peak of training
};

/// Throws ConfigError if the training samples do not fill one update.
CellPlan plan_cell(const Config& config);

/// Images that a split of the data set gives, by what is known of it or, of a folder, by counting.
std::int64_t known_samples(const DataConfig& data, Split split);

/// Seconds of all updates, without tests.
double training_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed);

/// Seconds of a whole run: updates and tests.
double run_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed);

/// For `macs` and `params`: sets `model.embed_dim` of every cell to the width, among those that the
/// heads and all other rules allow, whose cost comes nearest to that of its baseline. Heads keep
/// their number. Does nothing for another match.
void match_width(Match match, std::vector<Cell>& cells);

/// For `tokens` and `time`: sets the number of updates (`train.epochs`, `train.max_steps`; warm-up
/// and milestones in proportion) so that all training images of a cell together have as many tokens
/// as those of its baseline, or take as long: as its baseline, or with a `budget` that many
/// seconds. `speeds`: one a cell, for `time` alone. Does nothing for another match.
void match_length(Match match, double budget, const std::vector<CellSpeed>& speeds,
                  std::vector<Cell>& cells);

}  // namespace tessera
