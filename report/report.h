// The two reports: on a run, and on a study (what wins, by how much, at what cost).
#pragma once

#include "report/page.h"
#include "report/run_view.h"
#include "study/study_record.h"

namespace tessera::report {

/// All sections that the run has something to show for.
Page run_page(RunView& view);

/// Loss, accuracy and, if it was tested, the confusion matrix, as one SVG file with its own style.
std::string run_picture(const RunView& view);

/// Reads the curves of the runs too; a study that goes on is shown as far as it is.
Page study_page(const StudyRecord& record);

/// The first metric over MACs and the differences to the baseline, as one SVG file with its own
/// style.
std::string study_picture(const StudyRecord& record);

}  // namespace tessera::report
