// Charts of characters.
#include "report/plot/text_plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace tessera::report {
namespace {

Plot rising() {
  Series line{.name = "training", .color = "s0"};
  for (int i = 0; i <= 10; ++i) line.points.push_back({1.0 * i, 0.1 * i});
  return {.title = "Rise",
          .x = {.label = "epoch", .tight = true},
          .y = {.unit = Unit::kPercent, .tight = true},
          .series = {line}};
}

bool is_braille(const std::string& text, std::size_t at) {
  return text[at] == '\xe2' && static_cast<unsigned char>(text[at + 1]) >= 0xa0 &&
         static_cast<unsigned char>(text[at + 1]) <= 0xa3;
}

/// Columns at which a line has dots.
std::vector<int> dotted_columns(const std::string& line) {
  std::vector<int> columns;
  int column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xc0u) == 0x80u) continue;
    if (is_braille(line, i)) columns.push_back(column);
    ++column;
  }
  return columns;
}

TEST_CASE("draw_text: a rising line goes from the lower left to the upper right") {
  const std::vector<std::string> lines = draw_text(rising(), {.columns = 60, .rows = 13}, false);
  REQUIRE(lines.size() == 13);
  CHECK(lines[0] == "Rise   ━ training 100.00\u00a0%");
  int before = 60;
  CHECK(dotted_columns(lines[1]).empty());  // 100 % is in the middle of the row below
  for (std::size_t row = 2; row <= 10; ++row) {
    CAPTURE(lines[row]);
    CHECK(text_columns(lines[row]) == 60);
    const std::vector<int> columns = dotted_columns(lines[row]);
    REQUIRE(!columns.empty());
    CHECK(columns.back() <= before);
    before = columns.front();
    CHECK(columns.back() - columns.front() < 10);  // a tenth of the width, about
  }
  CHECK(dotted_columns(lines[2]).back() == 59);
  CHECK(dotted_columns(lines[10]).front() == 7);
  CHECK(lines[2].starts_with(" 100\u00a0%┤"));
  CHECK(lines[6].starts_with("  50\u00a0%┤"));
  CHECK(lines[10].starts_with("   0\u00a0%┤"));
  CHECK(lines[12].starts_with("epoch  0"));
  CHECK(lines[12].ends_with("10"));
}

/// Rows of the labels and what they say.
std::vector<std::pair<int, std::string>> labels_of(const std::vector<std::string>& lines) {
  std::vector<std::pair<int, std::string>> labels;
  for (std::size_t row = 1; row + 2 < lines.size(); ++row) {
    const std::size_t end = lines[row].find("┤");
    if (end == std::string::npos) continue;
    const std::size_t begin = lines[row].find_first_not_of(' ');
    labels.emplace_back(static_cast<int>(row), lines[row].substr(begin, end - begin));
  }
  return labels;
}

TEST_CASE("draw_text: labels are as far apart as what they say, whatever the rows") {
  for (const int rows : {6, 7, 8, 9, 11, 14, 20, 31}) {
    for (const double top : {2.31, 0.97, 13.0, 1.0}) {
      CAPTURE(rows);
      CAPTURE(top);
      Series line{.name = "", .color = "s0", .kind = Series::Kind::kLineAndDots};
      line.points = {{0.0, 0.13 * top}, {1.0, top}};
      const Plot plot{.title = "Loss", .x = {.tight = true}, .y = {.low = 0.0}, .series = {line}};
      const std::vector<std::string> lines = draw_text(plot, {.columns = 40, .rows = rows}, false);
      const auto labels = labels_of(lines);
      REQUIRE(labels.size() >= 2);
      const double step = std::stod(labels[0].second) - std::stod(labels[1].second);
      const int gap = labels[1].first - labels[0].first;
      for (std::size_t i = 1; i < labels.size(); ++i) {
        CHECK(labels[i].first - labels[i - 1].first == gap);
        CHECK(std::stod(labels[i - 1].second) - std::stod(labels[i].second) ==
              doctest::Approx(step));
      }
      CHECK(labels.back() == std::pair(rows - 3, std::string(labels.back().second)));
      CHECK(std::stod(labels.back().second) == 0.0);
      // The larger value lies in the row that the labels say.
      for (std::size_t row = 1; row + 2 < lines.size(); ++row) {
        if (lines[row].find("●") == std::string::npos) continue;
        const double rows_up = (rows - 3) - static_cast<double>(row);
        CHECK(std::abs(rows_up * step / gap - top) <= 0.51 * step / gap);
        break;
      }
    }
  }
}

TEST_CASE("draw_text: an axis of shares that ends at 100 % does not go below nothing") {
  Plot plot = rising();
  plot.y = {.unit = Unit::kPercent, .high = 1.0};
  for (int rows = 5; rows < 25; ++rows) {
    for (const auto& [row, label] :
         labels_of(draw_text(plot, {.columns = 40, .rows = rows}, false))) {
      CHECK(label[0] != '-');
    }
  }
}

TEST_CASE("draw_text: colours change no column, and none are used without") {
  const TextSize size{.columns = 48, .rows = 9};
  const std::vector<std::string> plain = draw_text(rising(), size, false);
  const std::vector<std::string> bright = draw_text(rising(), size, true);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(plain[i].find('\x1b') == std::string::npos);
    CHECK(bright[i].find('\x1b') != std::string::npos);
    CHECK(text_columns(bright[i]) == text_columns(plain[i]));
  }
}

TEST_CASE("draw_text: no points, one point, and points that are no numbers") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<Point>& points :
       {std::vector<Point>{}, {{1.0, 2.0}}, {{1.0, nan}, {nan, 1.0}}, {{1.0, 2.0}, {2.0, nan}}}) {
    Plot plot = rising();
    plot.series[0].points = points;
    plot.series[0].kind = Series::Kind::kLineAndDots;
    const std::vector<std::string> lines = draw_text(plot, {.columns = 24, .rows = 5}, false);
    CHECK(lines.size() == 5);
    std::size_t bullets = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      CHECK(text_columns(lines[i]) <= 24);
      bullets += lines[i].find("●") != std::string::npos ? 1U : 0U;
    }
    CHECK(bullets == (points.empty() || points[0].y != 2.0 ? 0U : 1U));
  }
}

}  // namespace
}  // namespace tessera::report
