#include "report/plot/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/plot/frame.h"

namespace tessera::report {
namespace {

constexpr double kLegendFont = 12.0;
constexpr double kLegendRow = 18.0;

bool is_finite(const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

bool has_line(const Series& series) {
  return series.kind != Series::Kind::kDots && series.kind != Series::Kind::kBars;
}

/// A line that page.js walks along, and whose last value stands in the legend.
bool is_walked(const Series& series) {
  return has_line(series) && series.kind != Series::Kind::kSteps && !series.dashed;
}

std::string value_text(double value, Unit unit) {
  return number_text(value, unit, unit == Unit::kPercent ? 2 : 4);
}

PlotAxis axis_of(const Plot& plot, bool of_x) {
  std::vector<double> values;
  for (const Series& series : plot.series) {
    const bool bars = series.kind == Series::Kind::kBars;
    for (const Point& point : series.points) {
      values.push_back(of_x ? point.x : point.y);
      if (bars && of_x)
        values.insert(values.end(),
                      {point.x - 0.5 * series.bar_width, point.x + 0.5 * series.bar_width});
      if (bars && !of_x) values.push_back(0.0);
    }
    if (of_x) continue;
    for (const Span& span : series.spread) values.insert(values.end(), {span.low, span.high});
  }
  return {of_x ? plot.x : plot.y, values};
}

/// Names, with the last value of each line if it says something, in rows that fit; page.js puts
/// other values there.
class Legend {
 public:
  Legend(const Plot& plot) : plot_(plot) {
    double used = 0.0;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      if (plot.series[i].name.empty()) continue;
      const double width =
          text_width("●  " + plot.series[i].name + last_value(i), kLegendFont) + 14;
      if (rows_.empty() || used + width > plot.width - 16.0) {
        rows_.emplace_back();
        used = 0.0;
      }
      rows_.back().push_back(i);
      used += width;
    }
  }

  double height() const { return kLegendRow * static_cast<double>(rows_.size()); }

  void draw(Markup& svg, double top) const {
    for (const std::vector<std::size_t>& row : rows_) {
      top += kLegendRow;
      svg.open("text", {{"class", "legend"}, {"x", 8}, {"y", top - 4}});
      for (std::size_t column = 0; column < row.size(); ++column) {
        const Series& series = plot_.series[row[column]];
        svg.element("tspan", {{"class", "key " + series.color}, {"dx", column == 0 ? 0.0 : 14.0}},
                    series.dashed      ? "┅"
                    : has_line(series) ? "━"
                                       : "●");
        svg.element("tspan", {{"dx", 5}}, series.name);
        svg.element("tspan",
                    {{"class", "value"}, {"dx", 5}, {"data-series", fmt::to_string(row[column])}},
                    last_value(row[column]));
      }
      svg.close();
    }
  }

 private:
  std::string last_value(std::size_t i) const {
    const Series& series = plot_.series[i];
    if (!plot_.last_values || !is_walked(series) || series.points.empty()) return "";
    return value_text(series.points.back().y, plot_.y.unit);
  }

  const Plot& plot_;
  std::vector<std::vector<std::size_t>> rows_;  ///< indices of series
};

std::string path_of(const Series& series, const Frame& frame) {
  std::string points;
  double last_y = 0.0;
  for (const Point& point : series.points) {
    if (!is_finite(point)) continue;
    const std::string x = coordinate(frame.px(point.x));
    if (series.kind == Series::Kind::kSteps && !points.empty()) {
      points += x + "," + coordinate(last_y) + " ";
    }
    last_y = frame.py(point.y);
    points += x + "," + coordinate(last_y) + " ";
  }
  if (!points.empty()) points.pop_back();
  return points;
}

void draw_band(Markup& svg, const Series& series, const Frame& frame) {
  std::string low, high;
  for (std::size_t i = 0; i < series.spread.size(); ++i) {
    const std::string x = coordinate(frame.px(series.points[i].x));
    high += x + "," + coordinate(frame.py(series.spread[i].high)) + " ";
    low = x + "," + coordinate(frame.py(series.spread[i].low)) + " " + low;
  }
  svg.empty("polygon", {{"class", "band"}, {"points", high + low}});
}

void draw_line(Markup& svg, const Series& series, const Frame& frame) {
  if (!series.spread.empty()) draw_band(svg, series, frame);
  svg.empty("polyline", {{"class", series.dashed ? "line dashed" : "line"},
                         {"points", path_of(series, frame)}});
  if (series.kind != Series::Kind::kLineAndDots) return;
  for (const Point& point : series.points) {
    if (!is_finite(point)) continue;
    svg.empty("circle", {{"cx", frame.px(point.x)}, {"cy", frame.py(point.y)}, {"r", 3}});
  }
}

void draw_bars(Markup& svg, const Series& series, const Plot& plot, const Frame& frame) {
  for (const Point& point : series.points) {
    if (!is_finite(point)) continue;
    const double left = frame.px(point.x - 0.5 * series.bar_width) + 0.75;
    const double right = frame.px(point.x + 0.5 * series.bar_width) - 0.75;
    const double top = frame.py(point.y);
    svg.empty("rect",
              {{"class", "bar"},
               {"x", left},
               {"y", top},
               {"width", std::max(0.5, right - left)},
               {"height", std::max(0.0, frame.bottom() - top)},
               {"data-tip", fmt::format("{} {}: {}", plot.x.label, value_text(point.x, plot.x.unit),
                                        value_text(point.y, plot.y.unit))}});
  }
}

void draw_dots(Markup& svg, const Series& series, const Plot& plot, const Frame& frame) {
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Point& point = series.points[i];
    if (!is_finite(point)) continue;
    const double x = frame.px(point.x), y = frame.py(point.y);
    if (i < series.spread.size()) {
      svg.empty("line", {{"class", "whisker"},
                         {"x1", x},
                         {"x2", x},
                         {"y1", frame.py(series.spread[i].low)},
                         {"y2", frame.py(series.spread[i].high)}});
    }
    const std::string name = i < series.labels.size() ? series.labels[i] + ": " : "";
    svg.empty("circle", {{"cx", x},
                         {"cy", y},
                         {"r", 4.5},
                         {"tabindex", "0"},
                         {"data-tip", name + value_text(point.y, plot.y.unit) + " at " +
                                          value_text(point.x, plot.x.unit)}});
  }
}

/// The texts that page.js shows for the points of a line.
std::string joined_labels(const std::vector<Point>& points, Unit unit, bool of_x) {
  std::string labels;
  for (const Point& point : points) {
    if (!is_finite(point)) continue;
    if (!labels.empty()) labels += '|';
    labels += of_x ? number_text(point.x, unit, 4) : value_text(point.y, unit);
  }
  return labels;
}

void draw_series(Markup& svg, std::size_t index, const Plot& plot, const Frame& frame) {
  const Series& series = plot.series[index];
  if (is_walked(series)) {
    svg.open("g", {{"class", "series " + series.color},
                   {"data-series", fmt::to_string(index)},
                   {"data-x", joined_labels(series.points, plot.x.unit, true)},
                   {"data-y", joined_labels(series.points, plot.y.unit, false)}});
  } else {
    svg.open("g", {{"class", "series " + series.color}});
  }
  if (has_line(series)) draw_line(svg, series, frame);
  if (series.kind == Series::Kind::kBars) draw_bars(svg, series, plot, frame);
  if (series.kind == Series::Kind::kDots) draw_dots(svg, series, plot, frame);
  svg.close();
}

}  // namespace

Drawing draw(const Plot& plot) {
  const Legend legend(plot);
  const PlotAxis x = axis_of(plot, true), y = axis_of(plot, false);
  double label_width = 0.0;
  for (const Tick& tick : y.ticks())
    label_width = std::max(label_width, text_width(tick.label, 11));
  const double left = std::max(34.0, label_width + 14.0);
  const double top = 24.0 + legend.height() + 13.0;
  const double last = x.ticks().empty() ? 0.0 : 0.5 * text_width(x.ticks().back().label, 11);
  const Frame frame{
      left, top, plot.width - left - std::max(12.0, last + 2.0), plot.height - top - 40.0, x, y};
  Markup svg;
  open_chart(svg, "plot", plot.title, plot.width, plot.height);
  legend.draw(svg, 24.0);
  draw_y_grid(svg, frame);
  draw_x_axis(svg, frame, plot.x);
  for (std::size_t i = 0; i < plot.series.size(); ++i) draw_series(svg, i, plot, frame);
  draw_point_labels(svg, plot, frame);
  svg.close();
  return {svg.str(), plot.width, plot.height};
}

Series condensed(std::vector<Point> points, std::size_t buckets) {
  std::erase_if(points, [](const Point& point) { return !is_finite(point); });
  Series series;
  const std::size_t length = std::max<std::size_t>(1, (points.size() + buckets - 1) / buckets);
  for (std::size_t begin = 0; begin < points.size(); begin += length) {
    const std::size_t end = std::min(points.size(), begin + length);
    std::vector<double> values;
    Point mean;
    for (std::size_t i = begin; i < end; ++i) {
      const double share = 1.0 / static_cast<double>(end - begin);
      mean.x += share * points[i].x;
      mean.y += share * points[i].y;
      values.push_back(points[i].y);
    }
    std::sort(values.begin(), values.end());
    series.points.push_back(mean);
    const std::size_t tenth = (values.size() - 1) / 10;
    series.spread.push_back({values[tenth], values[values.size() - 1 - tenth]});
  }
  if (length == 1) series.spread.clear();
  return series;
}

}  // namespace tessera::report
