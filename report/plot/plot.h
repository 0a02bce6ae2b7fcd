// Charts with two axes, as SVG. The style is that of plot.css; page.js lets a reader walk along
// the lines.
#pragma once

#include <string>
#include <vector>

#include "report/plot/axis.h"
#include "report/plot/drawing.h"

namespace tessera::report {

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Span {
  double low = 0.0;
  double high = 0.0;
};

struct Series {
  enum class Kind : std::uint8_t {
    kLine,
    kLineAndDots,
    kDots,   ///< each with its label, if there are labels and room
    kBars,   ///< from 0 to y, `bar_width` wide
    kSteps,  ///< a line that keeps the best y so far: horizontal, then vertical
  };

  std::string name{};   ///< empty: not in the legend
  std::string color{};  ///< class of plot.css: `s0` to `s5`, `ink`, `faint`
  Kind kind = Kind::kLine;
  std::vector<Point> points{};        ///< those that are not finite are left out
  std::vector<Span> spread{};         ///< one a point: a band behind a line, whiskers at dots
  std::vector<std::string> labels{};  ///< one a point of kDots
  double bar_width = 0.0;             ///< in units of x
  bool dashed = false;                ///< a line to compare with: it tells no values
};

struct Plot {
  std::string title{};
  AxisConfig x{}, y{};
  std::vector<Series> series{};
  bool last_values = true;  ///< the legend tells each line's last value
  double width = 360.0;     ///< CSS pixels at a scale of 1
  double height = 240.0;
};

Drawing draw(const Plot& plot);

/// Mean and the range of the middle 80 % of about `buckets` runs of neighbours of equal length, so
/// that a line of thousands of points can be seen and stored.
Series condensed(std::vector<Point> points, std::size_t buckets);

struct DifferenceRow {
  std::string name;
  double mean = 0.0;
  double half_width = 0.0;  ///< NaN: not known
  bool is_better = false;   ///< the interval lies wholly on the good side
  bool is_worse = false;    ///< ... on the other
};

/// Differences with their intervals, a row each: which exclude 0, and by how much.
Drawing draw_differences(const std::string& title, const AxisConfig& x,
                         const std::vector<DifferenceRow>& rows);

}  // namespace tessera::report
