// The confusion matrix, as SVG.
#pragma once

#include <string>

#include "report/plot/drawing.h"
#include "tasks/classification/meter.h"

namespace tessera::report {

/// Rows are classes, columns what the model took them for; a cell's strength is its share of the
/// row: blue on the diagonal, orange beside it, there four times as strong so that a mistake of a
/// quarter is as strong as can be. Numbers stand in the cells of up to 20 classes.
Drawing draw_confusion(const ClassificationMeter& metrics, const std::vector<std::string>& names);

}  // namespace tessera::report
