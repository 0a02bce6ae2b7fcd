#include "report/plot/drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/plot/markup.h"
#include "report/plot/number.h"

namespace tessera::report {

std::string drawing_file(std::span<const PlacedDrawing> drawings) {
  constexpr double kMargin = 8.0;
  double width = 0.0, height = 0.0;
  for (const PlacedDrawing& placed : drawings) {
    width = std::max(width, placed.x + placed.drawing.width + 2.0 * kMargin);
    height = std::max(height, placed.y + placed.drawing.height + 2.0 * kMargin);
  }
  Markup svg;
  svg.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                   {"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(height))},
                   {"width", width},
                   {"height", height}});
  svg.open("style").text(kPlotCss).close();
  svg.empty("rect", {{"width", "100%"}, {"height", "100%"}, {"class", "paper"}});
  for (const PlacedDrawing& placed : drawings) {
    svg.open("g", {{"transform", fmt::format("translate({} {})", coordinate(placed.x + kMargin),
                                             coordinate(placed.y + kMargin))}});
    svg.raw(placed.drawing.svg).close();
  }
  svg.close();
  return svg.str();
}

}  // namespace tessera::report
