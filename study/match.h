// Cells that differ in what a study asks about and are equal in one cost.
#pragma once

#include <vector>

#include "study/cell_plan.h"
#include "study/grid.h"

namespace tessera {

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
