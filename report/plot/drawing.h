// A chart, several of them as one file, and the style of both and of pages.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tessera::report {

struct Drawing {
  std::string svg;  ///< one `<svg>` of its size
  double width = 0.0;
  double height = 0.0;  ///< CSS pixels at a scale of 1
};

struct PlacedDrawing {
  double x = 0.0;
  double y = 0.0;
  Drawing drawing;
};

/// An SVG file that holds its own style, for pages that show images.
std::string drawing_file(std::span<const PlacedDrawing> drawings);

/// The files plot.css, page.css and page.js, put into the program by CMake.
extern const std::string_view kPlotCss;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace tessera::report
