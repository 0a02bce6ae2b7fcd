// The report on a study: what wins, by how much, at what cost.
#pragma once

#include "report/page.h"
#include "study/study_record.h"

namespace tessera::report {

/// Reads the curves of the runs too; a study that goes on is shown as far as it is.
Page study_page(const StudyRecord& record);

/// The first metric over MACs and the differences to the baseline, as one SVG file with its own
/// style.
std::string study_picture(const StudyRecord& record);

}  // namespace tessera::report
