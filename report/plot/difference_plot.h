// Differences with their intervals, a row each: which exclude 0, and by how much.
#pragma once

#include <string>
#include <vector>

#include "report/plot/axis.h"
#include "report/plot/drawing.h"

namespace tessera::report {

struct DifferenceRow {
  std::string name;
  double mean = 0.0;
  double half_width = 0.0;  ///< NaN: not known
  bool is_better = false;   ///< the interval lies wholly on the good side
  bool is_worse = false;    ///< ... on the other
};

Drawing draw_differences(const std::string& title, const AxisConfig& x,
                         const std::vector<DifferenceRow>& rows);

}  // namespace tessera::report
