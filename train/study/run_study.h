// Training what a study lacks, one run after the other.
#pragma once

#include "train/log.h"
#include "train/study/results.h"
#include "train/study/study_folder.h"

namespace tessera {

/// Fills `runs` of every cell with what the folder holds.
void read_runs(StudyResults& results, const StudyFolder& folder);

/// Copies the finished runs that `source` has and the study lacks into its folder, and reports
/// each. Call read_runs before and after.
void take_runs(const StudyResults& results, const StudyRuns& source, StudyFolder& folder, Log& log);

/// Trains every run that is not done, each in a process of its own, all cells of a seed before the
/// next seed, and writes the result files after each. A run that fails is reported and the next one
/// started. Returns the signal that ended it early, or 0.
int run_study(StudyResults& results, StudyFolder& folder, Log& log);

}  // namespace tessera
