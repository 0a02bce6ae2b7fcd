#include "report/plot/frame.h"

#include <fmt/core.h>

#include <algorithm>

#include "report/plot/number.h"

namespace tessera::report {
namespace {

/// Every how many ticks have a label, so that no two touch.
std::size_t label_stride(const Frame& frame, double font) {
  constexpr double kGap = 6.0;
  const std::vector<Tick>& ticks = frame.x.ticks();
  const auto touches = [&](const Tick& a, const Tick& b) {
    const double width = 0.5 * (text_width(a.label, font) + text_width(b.label, font));
    return frame.px(b.value) - frame.px(a.value) < width + kGap;
  };
  std::size_t stride = 1;
  for (std::size_t i = 0; i + stride < ticks.size();) {
    if (!touches(ticks[i], ticks[i + stride])) {
      ++i;
      continue;
    }
    ++stride;
    i = 0;
  }
  return stride;
}

}  // namespace

double text_width(std::string_view text, double size) {
  const auto glyphs = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // no continuation byte of UTF-8
  });
  return 0.56 * size * static_cast<double>(glyphs);
}

void open_chart(Markup& svg, std::string_view classes, const std::string& title, double width,
                double height) {
  svg.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                   {"class", classes},
                   {"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(height))},
                   {"width", width},
                   {"height", height},
                   {"role", "img"},
                   {"aria-label", title}});
  svg.element("text", {{"class", "title"}, {"x", 8}, {"y", 18}}, title);
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
  const std::vector<Tick>& ticks = frame.x.ticks();
  const std::size_t stride = label_stride(frame, kFont);
  // Zero has its label, if it is on the axis.
  const auto zero =
      std::find_if(ticks.begin(), ticks.end(), [](const Tick& tick) { return tick.value == 0.0; });
  const std::size_t first =
      zero == ticks.end() ? 0 : static_cast<std::size_t>(zero - ticks.begin()) % stride;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    const Tick& tick = ticks[i];
    const double at = frame.px(tick.value);
    svg.empty("line", {{"class", "tick"},
                       {"x1", at},
                       {"x2", at},
                       {"y1", frame.bottom()},
                       {"y2", frame.bottom() + 4}});
    if (i % stride != first) continue;
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
