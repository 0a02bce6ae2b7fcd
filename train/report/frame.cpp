#include "train/report/frame.h"

#include <algorithm>

namespace tessera::report {

double text_width(std::string_view text, double size) {
  const auto glyphs = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // no continuation byte of UTF-8
  });
  return 0.56 * size * static_cast<double>(glyphs);
}

void draw_y_grid(Markup& svg, const Frame& frame) {
  svg.open("g", {{"class", "axes"}});
  for (const Tick& tick : frame.y.ticks()) {
    const double at = frame.py(tick.value);
    svg.empty("line", {{"x1", frame.left}, {"x2", frame.right()}, {"y1", at}, {"y2", at}});
    svg.element("text", {{"x", frame.left - 7}, {"y", at + 4}, {"class", "end"}}, tick.label);
  }
  svg.close();
}

void draw_x_axis(Markup& svg, const Frame& frame, const AxisConfig& x) {
  constexpr double kFont = 11.0;
  svg.open("g", {{"class", "axes"}});
  double free_from = 0.0;  // labels that would touch the one before are left out
  for (const Tick& tick : frame.x.ticks()) {
    const double at = frame.px(tick.value);
    const double half = 0.5 * text_width(tick.label, kFont);
    svg.empty("line", {{"class", "tick"},
                       {"x1", at},
                       {"x2", at},
                       {"y1", frame.bottom()},
                       {"y2", frame.bottom() + 4}});
    if (at - half < free_from) continue;
    free_from = at + half + 6.0;
    svg.element("text", {{"x", at}, {"y", frame.bottom() + 17}, {"class", "mid"}}, tick.label);
  }
  svg.empty("line", {{"class", "base"},
                     {"x1", frame.left},
                     {"x2", frame.right()},
                     {"y1", frame.bottom()},
                     {"y2", frame.bottom()}});
  svg.element(
      "text",
      {{"x", frame.left + 0.5 * frame.width}, {"y", frame.bottom() + 33}, {"class", "mid label"}},
      x.label);
  svg.close();
}

}  // namespace tessera::report
