// The cells of a study: one value of each axis, each a whole configuration.
#pragma once

#include <string>
#include <vector>

#include "study/study.h"
#include "train/train_config.h"

namespace tessera {

/// A key that `match` changed.
struct Change {
  std::string key;
  std::string before;  ///< as the study says
  std::string after;   ///< as it is run
};

struct Cell {
  std::string name;                 ///< `patch_size 4, embedding linear`; unique
  std::vector<std::string> labels;  ///< one an axis of the study
  Config config;                    ///< of the first seed
  std::size_t baseline = 0;         ///< index of the cell that this one is compared with
  std::vector<Change> changes;      ///< what `match` did
};

/// The configuration of one run. It differs between the seeds of a cell in the seed alone, so that
/// they are drawn in the same way; where runs are put is left out.
Config config_of(const Cell& cell, std::int64_t seed);

/// What tables call an axis: the last word of a key, where that is unique.
std::vector<std::string> axis_titles(const Study& study);

/// All combinations of the axes but the skipped ones, the last axis fastest. Throws one ConfigError
/// that names every impossible cell.
std::vector<Cell> make_grid(const Study& study);

}  // namespace tessera
