// A chart, and several of them as one file.
#pragma once

#include <span>
#include <string>

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

}  // namespace tessera::report
