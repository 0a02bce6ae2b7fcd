// The area of a chart between its axes, and the names beside its dots.
#pragma once

#include <string>
#include <string_view>

#include "report/plot/axis.h"
#include "report/plot/markup.h"
#include "report/plot/plot.h"

namespace tessera::report {

/// About how wide a text is in the charts' font at `size` pixels.
double text_width(std::string_view text, double size);

struct Frame {
  double left, top, width, height;
  PlotAxis x, y;

  double px(double value) const { return left + width * x.place(value); }
  double py(double value) const { return top + height * (1.0 - y.place(value)); }
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// The `<svg>` of a chart with its title; `classes` are those of plot.css. To be closed.
void open_chart(Markup& svg, std::string_view classes, const std::string& title, double width,
                double height);

/// The base line with ticks and label.
void draw_x_axis(Markup& svg, const Frame& frame, const AxisConfig& x);

/// Lines across the frame at the ticks of y.
void draw_y_grid(Markup& svg, const Frame& frame);

/// Writes the labels of all kDots series, each to the right, left, above or below its dot, where it
/// hides no dot and no other label; one that finds no room is left out (its dot still tells).
void draw_point_labels(Markup& svg, const Plot& plot, const Frame& frame);

}  // namespace tessera::report
