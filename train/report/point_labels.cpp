#include "train/report/point_labels.h"

#include <algorithm>
#include <array>
#include <cmath>

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

std::array<Candidate, 4> candidates(double x, double y, double width) {
  constexpr double kGap = 8.0, kHeight = 11.0;
  const auto beside = [&](double text_x, double text_y, const char* anchor, double left) {
    return Candidate{text_x, text_y, anchor, {left, text_y - kHeight, left + width, text_y + 2.0}};
  };
  return {beside(x + kGap, y + 4.0, "start", x + kGap),
          beside(x - kGap, y + 4.0, "end", x - kGap - width),
          beside(x, y - kGap, "mid", x - 0.5 * width),
          beside(x, y + kGap + kHeight, "mid", x - 0.5 * width)};
}

}  // namespace

void draw_point_labels(Markup& svg, const Plot& plot, const Frame& frame) {
  constexpr double kDot = 5.0;
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
      for (const Candidate& at : candidates(frame.px(point.x), frame.py(point.y), width)) {
        const bool inside = at.box.left >= room.left && at.box.right <= room.right &&
                            at.box.top >= room.top && at.box.bottom <= room.bottom;
        if (!inside || std::any_of(taken.begin(), taken.end(),
                                   [&](const Box& box) { return box.touches(at.box); })) {
          continue;
        }
        taken.push_back(at.box);
        svg.element("text",
                    {{"x", at.x}, {"y", at.y}, {"class", std::string("point ") + at.anchor}},
                    series.labels[i]);
        break;
      }
    }
  }
}

}  // namespace tessera::report
