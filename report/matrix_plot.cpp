#include "report/matrix_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/plot/frame.h"
#include "report/plot/markup.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kMostWithNumbers = 20;
constexpr double kNameFont = 10.0;

struct Grid {
  double left, top, cell;
  std::int64_t classes;
};

void draw_cell(Markup& svg, const Grid& grid, std::int64_t row, std::int64_t column,
               std::int64_t count, std::int64_t of, const std::vector<std::string>& names,
               MatrixNumbers numbers) {
  const double share = static_cast<double>(count) / static_cast<double>(of);
  const double strength = row == column ? share : std::min(1.0, 4.0 * share);
  const double x = grid.left + grid.cell * static_cast<double>(column);
  const double y = grid.top + grid.cell * static_cast<double>(row);
  const std::string& name = names[static_cast<std::size_t>(row)];
  const std::string tip =
      row == column
          ? fmt::format("{}: {} of {} right ({:.1f} %)", name, count, of, 100.0 * share)
          : fmt::format("{} taken for {}: {} of {} ({:.1f} %)", name,
                        names[static_cast<std::size_t>(column)], count, of, 100.0 * share);
  svg.empty("rect", {{"class", row == column ? "s0" : "s1"},
                     {"x", x},
                     {"y", y},
                     {"width", grid.cell - 1.0},
                     {"height", grid.cell - 1.0},
                     {"fill-opacity", std::max(0.02, strength)},
                     {"data-tip", tip}});
  if (grid.classes > kMostWithNumbers) return;
  svg.element("text",
              {{"class", strength > 0.55 ? "mid strong" : "mid"},
               {"x", x + 0.5 * (grid.cell - 1.0)},
               {"y", y + 0.5 * grid.cell + 3.0}},
              numbers == MatrixNumbers::kCount ? fmt::to_string(count)
                                               : fmt::format("{:.0f}", 100.0 * share));
}

void draw_names(Markup& svg, const Grid& grid, const std::vector<std::string>& names) {
  for (std::size_t k = 0; k < names.size(); ++k) {
    const double at = grid.cell * (static_cast<double>(k) + 0.5);
    svg.element("text", {{"class", "end"}, {"x", grid.left - 6}, {"y", grid.top + at + 3}},
                names[k]);
    const double x = grid.left + at,
                 y = grid.top + grid.cell * static_cast<double>(grid.classes) + 12;
    svg.element("text",
                {{"class", "end"},
                 {"x", x},
                 {"y", y},
                 {"transform", fmt::format("rotate(-45 {:.1f} {:.1f})", x, y)}},
                names[k]);
  }
}

}  // namespace

Drawing draw_confusion(const std::vector<std::int64_t>& counts,
                       const std::vector<std::string>& names, MatrixNumbers numbers) {
  constexpr double kWidth = 360.0;
  const std::int64_t classes = static_cast<std::int64_t>(names.size());
  const bool with_names = classes <= kMostWithNumbers;
  double label = 8.0;
  for (const std::string& name : names) {
    if (with_names) label = std::max(label, text_width(name, kNameFont) + 10.0);
  }
  const Grid grid{label, 30.0, (kWidth - label - 6.0) / static_cast<double>(classes), classes};
  const double height = grid.top + kWidth - label + (with_names ? 0.72 * label + 14.0 : 4.0);
  Markup svg;
  open_chart(svg, "plot matrix", "Confusion", kWidth, height);
  const double side = grid.cell * static_cast<double>(classes) - 1.0;
  svg.empty(
      "rect",
      {{"class", "field"}, {"x", grid.left}, {"y", grid.top}, {"width", side}, {"height", side}});
  for (std::int64_t row = 0; row < classes; ++row) {
    const auto first = counts.begin() + row * classes;
    const std::int64_t of = std::accumulate(first, first + classes, std::int64_t{0});
    for (std::int64_t column = 0; column < classes; ++column) {
      const std::int64_t count = first[column];
      if (count > 0) draw_cell(svg, grid, row, column, count, of, names, numbers);
    }
  }
  if (with_names) draw_names(svg, grid, names);
  svg.close();
  return {svg.str(), kWidth, height};
}

}  // namespace tessera::report
