#include "report/plot/text_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

namespace tessera::report {
namespace {

constexpr int kDotsAcross = 2, kDotsDown = 4;  // of a braille character

/// Braille characters that lines and points are drawn on.
class Canvas {
 public:
  Canvas(int columns, int rows)
      : columns_(columns),
        rows_(rows),
        cells_(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}

  int width() const { return columns_ * kDotsAcross; }
  int height() const { return rows_ * kDotsDown; }

  void dot(int x, int y, const std::string& color) {
    // The bits of dots, by row and column: U+2800 and the Unicode standard, section 21.1.
    constexpr std::array<std::array<std::uint8_t, 2>, 4> kBits = {
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    if (Cell* cell = at(x, y)) {
      cell->dots |=
          kBits[static_cast<std::size_t>(y % kDotsDown)][static_cast<std::size_t>(x % kDotsAcross)];
      cell->color = color;
    }
  }

  void bullet(int x, int y, const std::string& color) {
    if (Cell* cell = at(x, y)) {
      cell->bullet = true;
      cell->color = color;
    }
  }

  void line(int x0, int y0, int x1, int y1, const std::string& color) {
    const int steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / steps;
      dot(static_cast<int>(std::lround(x0 + share * (x1 - x0))),
          static_cast<int>(std::lround(y0 + share * (y1 - y0))), color);
    }
  }

  std::string row(int index, bool color) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[static_cast<std::size_t>(index * columns_ + column)];
      if (cell.bullet) {
        text += colored("●", cell.color, color);
      } else if (cell.dots != 0) {
        text += colored(braille(cell.dots), cell.color, color);
      } else {
        text += ' ';
      }
    }
    return text;
  }

 private:
  struct Cell {
    std::uint8_t dots = 0;
    bool bullet = false;
    std::string color;
  };

  /// U+2800 to U+28FF in UTF-8.
  static std::string braille(std::uint8_t dots) {
    return {'\xe2', static_cast<char>(0xa0 | dots >> 6u), static_cast<char>(0x80 | (dots & 0x3fu))};
  }

  Cell* at(int x, int y) {
    if (x < 0 || y < 0 || x >= width() || y >= height()) return nullptr;
    return &cells_[static_cast<std::size_t>(y / kDotsDown * columns_ + x / kDotsAcross)];
  }

  int columns_;
  int rows_;
  std::vector<Cell> cells_;
};

/// The scale of y in rows of characters: what a label says lies in the middle of its row.
class RowAxis {
 public:
  RowAxis(const PlotAxis& axis, const AxisConfig& config, int rows) : axis_(axis), rows_(rows) {
    if (axis.is_log()) return;
    double best = 0.0;
    const int least = rows > 5 ? 2 : 1;  // rows between labels
    for (int gap = least; gap < rows; ++gap) {
      const int count = (rows - 1) / gap;
      if (count > kMostLabels) continue;
      double low = 0.0;
      const double step = step_for(count, config, low);
      if (axis.low() >= 0.0 && low < -1e-9 * step) continue;  // nothing is there
      const double used = (axis.high() - axis.low()) / (count * step) * count * gap / (rows - 1);
      // Two ends alone say little of what lies between.
      if (const double worth = used * (count < 2 ? 0.5 : 1.0); worth > best) {
        best = worth;
        low_ = low;
        step_ = step;
        gap_ = gap;
        count_ = count;
      }
    }
  }

  /// From the top, in dots.
  int dot(double value) const {
    const int dots = rows_ * kDotsDown;
    if (gap_ == 0) return static_cast<int>(std::lround((1.0 - axis_.place(value)) * (dots - 1)));
    constexpr double kMiddle = 0.5 * (kDotsDown - 1);
    const double row = (value - low_) / step_ * gap_;
    return std::clamp(static_cast<int>(std::lround((rows_ - 1 - row) * kDotsDown + kMiddle)), 0,
                      dots - 1);
  }

  /// The ticks by the row that they stand in; where two would share one, the first.
  std::vector<std::string> labels(Unit unit) const {
    std::vector<std::string> labels(static_cast<std::size_t>(rows_));
    if (gap_ > 0) {
      for (int i = 0; i <= count_; ++i) {
        const double value = std::abs(low_ + i * step_) < 1e-9 * step_ ? 0.0 : low_ + i * step_;
        labels[static_cast<std::size_t>(rows_ - 1 - i * gap_)] = tick_label(value, step_, unit);
      }
      return labels;
    }
    int last = 2 * rows_;
    for (const Tick& tick : axis_.ticks()) {
      const int row = std::clamp(dot(tick.value) / kDotsDown, 0, rows_ - 1);
      if (row >= last) continue;
      labels[static_cast<std::size_t>(row)] = tick.label;
      last = row;
    }
    return labels;
  }

 private:
  static constexpr int kMostLabels = 6;

  /// The least of 1, 2 and 5 times a power of ten of which `count` cover the data.
  double step_for(int count, const AxisConfig& config, double& low) const {
    constexpr double kSlack = 1e-9;
    double power =
        std::pow(10.0, std::floor(std::log10((axis_.high() - axis_.low()) / count)) - 1.0);
    for (;; power *= 10.0) {
      for (const double lead : {1.0, 2.0, 5.0}) {
        const double step = config.whole ? std::max(1.0, lead * power) : lead * power;
        if (config.high) {
          low = axis_.high() - count * step;
          if (low <= axis_.low() + kSlack * step) return step;
        } else {
          low = step * std::floor(axis_.low() / step + kSlack);
          if (low + count * step >= axis_.high() - kSlack * step) return step;
        }
      }
    }
  }

  const PlotAxis& axis_;
  int rows_;
  double low_ = 0.0;
  double step_ = 1.0;
  int gap_ = 0;  ///< rows from label to label; 0: as the ticks of the axis fall
  int count_ = 0;
};

void draw_series(Canvas& canvas, const Series& series, const PlotAxis& x, const RowAxis& y) {
  const auto place = [&](const Point& point) {
    return std::pair(static_cast<int>(std::lround(x.place(point.x) * (canvas.width() - 1))),
                     y.dot(point.y));
  };
  const Point* last = nullptr;
  for (const Point& point : series.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    const auto [x1, y1] = place(point);
    const auto [x0, y0] = place(last != nullptr ? *last : point);
    canvas.line(x0, y0, x1, y1, series.color);
    last = &point;
  }
  if (series.kind != Series::Kind::kLineAndDots && series.kind != Series::Kind::kDots) return;
  for (const Point& point : series.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    const auto [px, py] = place(point);
    canvas.bullet(px, py, series.color);
  }
}

std::string padded(const std::string& text, int columns) {
  return std::string(static_cast<std::size_t>(std::max(0, columns - text_columns(text))), ' ') +
         text;
}

/// `Loss   training 0.4123   test 0.3904`, as far as there is room.
std::string heading(const Plot& plot, int columns, bool color) {
  std::string text = plot.title;
  int used = text_columns(text);
  for (const Series& series : plot.series) {
    if (series.name.empty() || series.points.empty()) continue;
    const std::string mark = series.kind == Series::Kind::kLineAndDots ? "●" : "━";
    const std::string value =
        number_text(series.points.back().y, plot.y.unit, plot.y.unit == Unit::kPercent ? 2 : 4);
    const std::string entry = fmt::format("{} {}", series.name, value);
    used += text_columns(entry) + 5;
    if (used > columns) break;
    text += fmt::format("   {} {}", colored(mark, series.color, color), entry);
  }
  return text;
}

std::vector<double> values_of(const Plot& plot, bool of_x) {
  std::vector<double> values;
  for (const Series& series : plot.series) {
    for (const Point& point : series.points) values.push_back(of_x ? point.x : point.y);
  }
  return values;
}

/// The labels of the ticks of x below their places, after the name of the axis where there is room
/// for it in the margin.
std::string axis_line(const PlotAxis& x, const std::string& label, int margin, int columns) {
  std::string text = text_columns(label) <= margin ? label : "";
  text.resize(static_cast<std::size_t>(margin) + 1, ' ');
  int used = 0;
  for (const Tick& tick : x.ticks()) {
    const int width = text_columns(tick.label);
    const int center = static_cast<int>(std::lround(x.place(tick.value) * (columns - 1)));
    const int begin = std::clamp(center - width / 2, 0, columns - width);
    if (begin < used + (used > 0 ? 1 : 0)) continue;
    text += std::string(static_cast<std::size_t>(begin - used), ' ') + tick.label;
    used = begin + width;
  }
  return text;
}

}  // namespace

std::string colored(const std::string& text, const std::string& name, bool color) {
  constexpr std::array<std::pair<std::string_view, int>, 8> kColors = {{{"s0", 94},
                                                                        {"s1", 33},
                                                                        {"s2", 32},
                                                                        {"s3", 35},
                                                                        {"s4", 36},
                                                                        {"s5", 31},
                                                                        {"faint", 90},
                                                                        {"bold", 1}}};
  if (!color) return text;
  for (const auto& [known, code] : kColors) {
    if (known == name) return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
  return text;
}

int text_columns(const std::string& text) {
  int columns = 0;
  bool escaped = false;
  for (const char c : text) {
    if (c == '\x1b') escaped = true;
    if (!escaped && (static_cast<unsigned char>(c) & 0xc0u) != 0x80u) ++columns;
    if (escaped && c == 'm') escaped = false;
  }
  return columns;
}

std::vector<std::string> draw_text(const Plot& plot, const TextSize& size, bool color) {
  const int rows = size.rows - 3;  // heading, axis and its labels
  const PlotAxis x(plot.x, values_of(plot, true)), values(plot.y, values_of(plot, false));
  const RowAxis y(values, plot.y, rows);
  const std::vector<std::string> labels = y.labels(plot.y.unit);
  int margin = 6;
  for (const std::string& label : labels) margin = std::max(margin, text_columns(label));
  const int columns = size.columns - margin - 1;
  Canvas canvas(columns, rows);
  for (const Series& series : plot.series) draw_series(canvas, series, x, y);
  std::vector<std::string> lines = {heading(plot, size.columns, color)};
  for (int row = 0; row < rows; ++row) {
    const std::string& label = labels[static_cast<std::size_t>(row)];
    lines.push_back(colored(padded(label, margin) + (label.empty() ? "│" : "┤"), "faint", color) +
                    canvas.row(row, color));
  }
  std::string base;
  for (int column = 0; column < columns; ++column) base += "─";
  lines.push_back(colored(padded("", margin) + "└" + base, "faint", color));
  lines.push_back(colored(axis_line(x, plot.x.label, margin, columns), "faint", color));
  return lines;
}

}  // namespace tessera::report
