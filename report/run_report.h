// The report on one run.
#pragma once

#include "report/page.h"
#include "report/run_view.h"

namespace tessera::report {

/// All sections that the run has something to show for.
Page run_page(RunView& view);

/// Loss, accuracy and, if it was tested, the confusion matrix, as one SVG file with its own style.
std::string run_picture(const RunView& view);

}  // namespace tessera::report
