#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/plot/frame.h"
#include "report/plot/markup.h"
#include "report/plot/plot.h"

namespace tessera::report {
namespace {

constexpr double kRowFont = 11.0;

PlotAxis axis_of(const AxisConfig& x, const std::vector<DifferenceRow>& rows) {
  std::vector<double> values = {0.0};
  for (const DifferenceRow& row : rows) {
    values.push_back(row.mean);
    if (!std::isfinite(row.half_width)) continue;
    values.insert(values.end(), {row.mean - row.half_width, row.mean + row.half_width});
  }
  return {x, values};
}

std::string signed_text(double value, Unit unit) {
  const std::string text = number_text(std::abs(value), unit, unit == Unit::kPercent ? 2 : 3);
  return std::isfinite(value) ? (value < 0.0 ? "−" : "+") + text : text;
}

/// As much of `text` as there is room for.
std::string shortened(std::string text, double width) {
  if (text_width(text, kRowFont) <= width) return text;
  const auto is_inside_character = [](char byte) { return (byte & 0xc0) == 0x80; };
  while (!text.empty() && text_width(text + "…", kRowFont) > width) {
    while (is_inside_character(text.back())) text.pop_back();
    text.pop_back();
  }
  return text + "…";
}

void draw_row(Markup& svg, const Frame& frame, const AxisConfig& x, const DifferenceRow& row,
              double y) {
  svg.element("text", {{"class", "end point"}, {"x", frame.left - 8}, {"y", y + 4}},
              shortened(row.name, frame.left - 12));
  if (!std::isfinite(row.mean)) {
    svg.element("text", {{"x", frame.left + 8}, {"y", y + 4}}, "no pair of runs yet");
    return;
  }
  std::string tip = row.name + ": " + signed_text(row.mean, x.unit);
  svg.open("g", {{"class", row.is_better  ? "series s0"
                           : row.is_worse ? "series s1"
                                          : "series faint"}});
  if (std::isfinite(row.half_width)) {
    tip += ", 95\u00a0% interval " + signed_text(row.mean - row.half_width, x.unit) + " to " +
           signed_text(row.mean + row.half_width, x.unit);
    svg.empty("line", {{"class", "whisker"},
                       {"x1", frame.px(row.mean - row.half_width)},
                       {"x2", frame.px(row.mean + row.half_width)},
                       {"y1", y},
                       {"y2", y}});
  }
  svg.empty(
      "circle",
      {{"cx", frame.px(row.mean)}, {"cy", y}, {"r", 4.5}, {"tabindex", "0"}, {"data-tip", tip}});
  svg.close();
}

}  // namespace

Drawing draw_differences(const std::string& title, const AxisConfig& x,
                         const std::vector<DifferenceRow>& rows) {
  constexpr double kWidth = 360.0, kRow = 24.0, kTop = 32.0;
  double label = 40.0;
  for (const DifferenceRow& row : rows)
    label = std::max(label, text_width(row.name, kRowFont) + 16.0);
  const Frame frame{std::min(label, 0.5 * kWidth),
                    kTop,
                    kWidth - std::min(label, 0.5 * kWidth) - 20.0,
                    kRow * static_cast<double>(rows.size()),
                    axis_of(x, rows),
                    PlotAxis({}, {})};
  const double height = frame.bottom() + 42.0;
  Markup svg;
  open_chart(svg, "plot", title, kWidth, height);
  draw_x_axis(svg, frame, x);
  svg.empty("line", {{"class", "zero"},
                     {"x1", frame.px(0.0)},
                     {"x2", frame.px(0.0)},
                     {"y1", frame.top},
                     {"y2", frame.bottom()}});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    draw_row(svg, frame, x, rows[i], frame.top + kRow * (static_cast<double>(i) + 0.5));
  }
  svg.close();
  return {svg.str(), kWidth, height};
}

}  // namespace tessera::report
