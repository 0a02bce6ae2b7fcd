// How the first metric of a study rises while its cells are trained.
#pragma once

#include <string>
#include <vector>

#include "report/plot/plot.h"
#include "study/study_record.h"

namespace tessera::report {

/// The first metric, of val where it is one of the test split: of that nothing is known while a run
/// trains.
std::string curve_metric(const StudyRecord& record);

/// Where a run stood at an evaluation.
struct Standing {
  double epoch = 0.0;
  double images = 0.0;   ///< seen by then; NaN: not known
  double seconds = 0.0;  ///< of training, at the speeds of the run; NaN: not known
  double value = 0.0;
};

/// The mean over the seeds wherever all of them were evaluated, with the lowest and the highest.
struct MeanCurve {
  std::vector<Standing> means;
  std::vector<Span> spread;
};

/// Over the done runs of a cell, or as long as there are none over those that are there. Empty if
/// none was evaluated yet.
MeanCurve mean_curve(const StudyRecord& record, const StudyCell& cell);

}  // namespace tessera::report
