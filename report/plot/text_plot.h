// Charts of characters, for terminals.
#pragma once

#include <string>
#include <vector>

#include "report/plot/plot.h"

namespace tessera::report {

struct TextSize {
  int columns = 80;
  int rows = 24;
};

/// The plot in `size.rows` lines, none wider than `size.columns`: title and names with their last
/// values, the lines as braille dots, the points of kLineAndDots as bullets; without spreads. With
/// `color` by ANSI sequences. At least 24 columns and 5 rows are taken for granted.
std::vector<std::string> draw_text(const Plot& plot, const TextSize& size, bool color);

/// `text` in an ANSI colour, that of a class of plot.css, if `color`.
std::string colored(const std::string& text, const std::string& name, bool color);

/// Characters of UTF-8 text, each one column wide; colours take none.
int text_columns(const std::string& text);

}  // namespace tessera::report
