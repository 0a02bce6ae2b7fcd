// Training what a study lacks, one run after the other.
#pragma once

#include <functional>

#include "study/claims.h"
#include "study/results.h"
#include "study/study_folder.h"
#include "train/log.h"

namespace tessera {

/// Fills `runs` of every cell with what the folder holds.
void read_runs(StudyResults& results, const StudyRuns& runs);

/// Copies the finished runs that `source` has and the study lacks into its folder, and reports
/// each. Call read_runs before and after.
void take_runs(const StudyResults& results, const StudyRuns& source, StudyFolder& folder, Log& log);

/// Writes down what is known so far.
using PublishResults = std::function<void(const StudyResults& results)>;

/// Trains every run that is not done and, if the study asks for it, reads the test split of those
/// that are, each in a process of its own, all cells of a seed before the next seed; calls
/// `publish` at first and after each. A run that fails is reported and the next one started. With
/// `claims`, as one of several processes that do so: each run is trained by whoever claims it
/// first, and all wait for the last. Returns the signal that ended it early, or 0.
int run_study(StudyResults& results, StudyFolder& folder, const PublishResults& publish, Log& log,
              Claims* claims = nullptr);

}  // namespace tessera
