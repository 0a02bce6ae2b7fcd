// The area of a chart between its axes.
#pragma once

#include <string_view>

#include "report/plot/axis.h"
#include "report/plot/markup.h"

namespace tessera::report {

/// About how wide a text is in the charts' font at `size` pixels.
double text_width(std::string_view text, double size);

struct Frame {
  double left, top, width, height;
  Axis x, y;

  double px(double value) const { return left + width * x.place(value); }
  double py(double value) const { return top + height * (1.0 - y.place(value)); }
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// The base line with ticks and label.
void draw_x_axis(Markup& svg, const Frame& frame, const AxisConfig& x);

/// Lines across the frame at the ticks of y.
void draw_y_grid(Markup& svg, const Frame& frame);

}  // namespace tessera::report
