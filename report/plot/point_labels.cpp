#include <algorithm>
#include <array>
#include <cmath>

#include "report/plot/frame.h"

namespace tessera::report {
namespace {

struct Box {
  double left, top, right, bottom;

  bool touches(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

struct Candidate {
  double x, y;
  const char* anchor;
  Box box;
};

std::array<Candidate, 8> candidates(double x, double y, double width) {
  constexpr double kGap = 8.0, kHeight = 11.0, kAside = 5.0;
  const auto beside = [&](double text_x, double text_y, const char* anchor, double left) {
    return Candidate{text_x, text_y, anchor, {left, text_y - kHeight, left + width, text_y + 2.0}};
  };
  return {beside(x + kGap, y + 4.0, "start", x + kGap),
          beside(x - kGap, y + 4.0, "end", x - kGap - width),
          beside(x, y - kGap, "mid", x - 0.5 * width),
          beside(x, y + kGap + kHeight, "mid", x - 0.5 * width),
          beside(x + kAside, y - kGap, "start", x + kAside),
          beside(x - kAside, y - kGap, "end", x - kAside - width),
          beside(x + kAside, y + kGap + kHeight, "start", x + kAside),
          beside(x - kAside, y + kGap + kHeight, "end", x - kAside - width)};
}

/// The lines of the chart that a label should not lie on: steps and whiskers.
std::vector<Box> lines_of(const Plot& plot, const Frame& frame) {
  std::vector<Box> lines;
  const auto add = [&](double x0, double y0, double x1, double y1) {
    lines.push_back({std::min(x0, x1) - 1.0, std::min(y0, y1) - 1.0, std::max(x0, x1) + 1.0,
                     std::max(y0, y1) + 1.0});
  };
  for (const Series& series : plot.series) {
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      const Point& point = series.points[i];
      const double x = frame.px(point.x), y = frame.py(point.y);
      if (series.kind == Series::Kind::kDots && i < series.spread.size()) {
        add(x, frame.py(series.spread[i].low), x, frame.py(series.spread[i].high));
      }
      if (series.kind != Series::Kind::kSteps || i + 1 == series.points.size()) continue;
      const double next_x = frame.px(series.points[i + 1].x);
      add(x, y, next_x, y);
      add(next_x, y, next_x, frame.py(series.points[i + 1].y));
    }
  }
  return lines;
}

bool touches_any(const Box& box, const std::vector<Box>& others) {
  return std::any_of(others.begin(), others.end(),
                     [&](const Box& other) { return other.touches(box); });
}

}  // namespace

void draw_point_labels(Markup& svg, const Plot& plot, const Frame& frame) {
  constexpr double kDot = 5.0;
  const std::vector<Box> lines = lines_of(plot, frame);
  std::vector<Box> taken;
  for (const Series& series : plot.series) {
    if (series.kind != Series::Kind::kDots) continue;
    for (const Point& point : series.points) {
      const double x = frame.px(point.x), y = frame.py(point.y);
      taken.push_back({x - kDot, y - kDot, x + kDot, y + kDot});
    }
  }
  const Box room{frame.left, frame.top - 4.0, frame.right() + 8.0, frame.bottom()};
  for (const Series& series : plot.series) {
    for (std::size_t i = 0; i < series.labels.size(); ++i) {
      const Point& point = series.points[i];
      if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
      const double width = text_width(series.labels[i], 11.0);
      const std::array<Candidate, 8> all = candidates(frame.px(point.x), frame.py(point.y), width);
      const auto is_free = [&](const Candidate& at) {
        return at.box.left >= room.left && at.box.right <= room.right && at.box.top >= room.top &&
               at.box.bottom <= room.bottom && !touches_any(at.box, taken);
      };
      const auto is_clear = [&](const Candidate& at) {
        return is_free(at) && !touches_any(at.box, lines);
      };
      auto at = std::find_if(all.begin(), all.end(), is_clear);
      if (at == all.end()) at = std::find_if(all.begin(), all.end(), is_free);
      if (at == all.end()) continue;
      taken.push_back(at->box);
      svg.element("text",
                  {{"x", at->x}, {"y", at->y}, {"class", std::string("point ") + at->anchor}},
                  series.labels[i]);
    }
  }
}

}  // namespace tessera::report
