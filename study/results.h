// What a study found: its runs, and what they say about its cells.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/cell_plan.h"
#include "study/grid.h"
#include "study/run_result.h"
#include "study/statistics.h"

namespace tessera {

struct CellResult {
  Cell cell;
  CellPlan plan;
  std::optional<CellSpeed> speed;  ///< measured before training
  std::vector<RunResult> runs;     ///< one a seed of the study
  std::string identity{};          ///< equal for cells whose runs are the same: see RunIdentity
};

struct StudyResults {
  Study study;
  std::vector<CellResult> cells;

  bool is_baseline(std::size_t cell) const { return cells[cell].cell.baseline == cell; }
};

/// Whether nothing is left to do for a run: it is done, and tested if the study asks for that.
bool is_complete(const Study& study, const RunResult& run);

/// Over the done runs of a cell that have the figure. Of top-1 the error over the images is in it,
/// where the runs kept their answers.
Estimate mean_of(const CellResult& cell, const std::string& metric);

/// Whether the cell and its baseline, another one, are the same runs: what `match` changes can undo
/// what an axis says.
bool is_same_as_baseline(const StudyResults& results, std::size_t cell);

/// The cell minus its baseline, over the seeds that are done in both: they saw the same images in
/// the same order, so each seed gives one difference. Of top-1 both are paired by image too.
/// Nothing for a baseline, nor for a cell that is the same runs.
std::optional<Estimate> difference_of(const StudyResults& results, std::size_t cell,
                                      const std::string& metric);

/// difference_of every cell, with Holm's p over all of them.
std::vector<std::optional<Estimate>> differences_of(const StudyResults& results,
                                                    const std::string& metric);

/// The cells that differ in nothing but `data.fold`, in a study with that axis.
struct Folds {
  std::vector<std::string> labels;  ///< of the other axes
  std::vector<std::size_t> cells;
};

/// Empty without such an axis.
std::vector<Folds> folds_of(const StudyResults& results);

/// Over the folds, each with the mean of its seeds. All are trained on much the same images, so
/// that the interval is a little narrow (Bengio and Grandvalet 2004).
Estimate mean_of(const StudyResults& results, const Folds& folds, const std::string& metric);

/// The same less the baseline, paired by fold. Nothing for a baseline, and where the baseline of a
/// cell is another fold.
std::optional<Estimate> difference_of(const StudyResults& results, const Folds& folds,
                                      const std::string& metric);

/// Updates of a run of the cell: the mean over the done ones, or as planned before there are any.
double updates_of(const CellResult& cell);

/// Seconds of the updates of such a run at the speed that was measured alone.
double seconds_alone(const CellResult& cell, const CellSpeed& speed);

/// Means of speed and time and the largest memory of the done runs; nothing if there are none.
std::optional<RunTiming> timing_of(const CellResult& cell);

}  // namespace tessera
