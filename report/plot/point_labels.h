// Names beside the dots of a chart.
#pragma once

#include "report/plot/frame.h"
#include "report/plot/plot.h"

namespace tessera::report {

/// Writes the labels of all kDots series, each to the right, left, above or below its dot, where it
/// hides no dot and no other label; one that finds no room is left out (its dot still tells).
void draw_point_labels(Markup& svg, const Plot& plot, const Frame& frame);

}  // namespace tessera::report
