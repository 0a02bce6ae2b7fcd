// The drawing layer: tags, numbers, axes, charts, pictures.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "data/images/image.h"
#include "report/matrix_plot.h"
#include "report/plot/axis.h"
#include "report/plot/markup.h"
#include "report/plot/picture.h"
#include "report/plot/plot.h"
#include "tasks/classification/meter.h"
#include "tests/support/xml_check.h"

namespace tessera::report {
namespace {

using test::XmlCheck;

std::vector<std::string> labels_of(const PlotAxis& axis) {
  std::vector<std::string> labels;
  for (const Tick& tick : axis.ticks()) labels.push_back(tick.label);
  return labels;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST_CASE("a legend tells the last value of a line only where that says something") {
  Plot plot{.title = "t", .y = {.unit = Unit::kPercent, .low = 0.0, .high = 1.0}};
  plot.series.push_back({.name = "cats", .color = "s0", .points = {{0.0, 1.0}, {1.0, 0.125}}});
  CHECK(count_of(draw(plot).svg, ">12.50") == 1);
  plot.last_values = false;
  CHECK(count_of(draw(plot).svg, ">12.50") == 0);
  CHECK(count_of(draw(plot).svg, "cats") == 1);
}

TEST_CASE("markup: text is escaped, tags are closed") {
  Markup html;
  html.open("p", {{"title", "a \"b\" < c"}}).text("1 < 2 & 3").close();
  html.empty("br");
  CHECK(html.str() == "<p title=\"a &quot;b&quot; &lt; c\">1 &lt; 2 &amp; 3</p>\n<br/>");
  CHECK(XmlCheck::problem(html.str()).empty());
}

TEST_CASE("the check of markup finds what is wrong") {
  for (const char* text : {"<p>", "<p></a>", "<p>a & b</p>", "<p class=a></p>", "<p a=\"<\"></p>",
                           "<p><b></p></b>", "</p>", "<p", "<p>></p>"}) {
    CAPTURE(text);
    CHECK(!XmlCheck::problem(text).empty());
  }
  CHECK(XmlCheck::problem("<!DOCTYPE html>\n<p a=\"b\">c<br/><script>a < b && c</script></p>")
            .empty());
}

TEST_CASE("numbers: as people read them") {
  CHECK(number_text(0.8917, Unit::kPercent, 2) == "89.17\u00a0%");
  CHECK(number_text(269066.0, Unit::kCount, 3) == "269\u00a0k");
  CHECK(number_text(999700.0, Unit::kCount, 3) == "1\u00a0M");
  CHECK(number_text(4.5e9, Unit::kCount, 3) == "4.5\u00a0G");
  CHECK(number_text(std::nan(""), Unit::kPlain, 3) == "–");
  CHECK(count_text(1234567) == "1\u202f234\u202f567");
  CHECK(count_text(123) == "123");
  CHECK(duration_with_unit(4.25) == "4.2\u00a0s");
  CHECK(duration_with_unit(59.6) == "1:00\u00a0min");
  CHECK(duration_with_unit(3725.0) == "1:02:05\u00a0h");
  CHECK(coordinate(-0.001) == "0");
  CHECK(coordinate(12.50) == "12.5");
}

TEST_CASE("axis: ticks at round numbers that cover the data") {
  const PlotAxis loss({.low = 0.0}, std::vector<double>{0.31, 2.45});
  CHECK(labels_of(loss) == std::vector<std::string>{"0.0", "0.5", "1.0", "1.5", "2.0", "2.5"});
  CHECK(loss.high() == 2.5);
  const PlotAxis share({.unit = Unit::kPercent, .high = 1.0}, std::vector<double>{0.82, 0.97});
  CHECK(labels_of(share) ==
        std::vector<std::string>{"80\u00a0%", "85\u00a0%", "90\u00a0%", "95\u00a0%", "100\u00a0%"});
  const PlotAxis epochs({.whole = true, .tight = true}, std::vector<double>{1.0, 3.0});
  CHECK(labels_of(epochs) == std::vector<std::string>{"1", "2", "3"});
  CHECK(epochs.place(2.0) == doctest::Approx(0.5));
}

TEST_CASE("axis: logarithmic over decades, within one, and within a little") {
  const PlotAxis decades({.unit = Unit::kCount, .log = true}, std::vector<double>{2e5, 3e9});
  CHECK(labels_of(decades) ==
        std::vector<std::string>{"100\u00a0k", "1\u00a0M", "10\u00a0M", "100\u00a0M", "1\u00a0G"});
  const PlotAxis one({.unit = Unit::kCount, .log = true, .tight = true},
                     std::vector<double>{4e6, 3e7});
  CHECK(labels_of(one) == std::vector<std::string>{"5\u00a0M", "10\u00a0M", "20\u00a0M"});
  const PlotAxis little({.unit = Unit::kCount, .log = true}, std::vector<double>{1.10e7, 1.13e7});
  CHECK(little.ticks().size() >= 3);
  CHECK(one.place(std::sqrt(4e6 * 3e7)) == doctest::Approx(0.5));
}

TEST_CASE("axis: nothing, one value, zeros and values that are not finite") {
  const double nan = std::nan("");
  for (const std::vector<double>& values :
       {std::vector<double>{}, {0.0}, {5.0, 5.0}, {-2.0}, {nan, nan}, {nan, 1.0, 2.0}}) {
    for (const bool log : {false, true}) {
      const PlotAxis axis({.log = log}, values);
      CHECK(axis.high() > axis.low());
      CHECK(std::isfinite(axis.place(1.0)));
      CHECK(axis.ticks().size() >= 1);
      CHECK(axis.ticks().size() < 20);
    }
  }
}

TEST_CASE("plot: well-formed, and the points are where the axes say") {
  const Plot plot{.title = "a < b",
                  .x = {.label = "x & y", .tight = true, .low = 0.0, .high = 10.0},
                  .y = {.tight = true, .low = 0.0, .high = 1.0},
                  .series = {{.name = "line",
                              .color = "s0",
                              .points = {{0.0, 0.0}, {5.0, 0.5}, {7.0, std::nan("")}, {10.0, 1.0}}},
                             {.name = "dots",
                              .color = "s1",
                              .kind = Series::Kind::kDots,
                              .points = {{2.0, 0.2}, {2.0, 0.21}},
                              .spread = {{0.1, 0.3}, {0.2, 0.22}},
                              .labels = {"first", "second"}},
                             {.name = "bars",
                              .color = "s2",
                              .kind = Series::Kind::kBars,
                              .points = {{5.0, 0.5}},
                              .bar_width = 1.0}}};
  const std::string svg = draw(plot).svg;
  CHECK(XmlCheck::problem(svg) == "");
  CHECK(count_of(svg, "<circle") == 2);
  CHECK(svg.find("data-y=\"0|0.5|1\"") != std::string::npos);
  CHECK(svg.find("first: 0.2 at 2") != std::string::npos);
  // Three points on a straight line at 0, 1/2 and 1 of both axes.
  const std::size_t at = svg.find("points=\"", svg.find("<polyline")) + 8;
  double x[3], y[3];
  REQUIRE(std::sscanf(svg.c_str() + at, "%lf,%lf %lf,%lf %lf,%lf", x, y, x + 1, y + 1, x + 2,
                      y + 2) == 6);
  CHECK(x[1] - x[0] == doctest::Approx(x[2] - x[1]).epsilon(1e-3));
  CHECK(y[0] - y[1] == doctest::Approx(y[1] - y[2]).epsilon(1e-3));
  CHECK(y[0] > y[2]);
}

TEST_CASE("plot: no points at all are drawn as an empty chart") {
  const std::string svg = draw({.title = "empty", .series = {{.name = "a", .color = "s0"}}}).svg;
  CHECK(XmlCheck::problem(svg) == "");
}

TEST_CASE("plot: a long line is condensed to means and the middle of its values") {
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({i * 1.0, i % 10 * 1.0});
  const Series series = condensed(points, 50);
  REQUIRE(series.points.size() == 50);
  CHECK(series.points[0].x == doctest::Approx(9.5));
  CHECK(series.points[0].y == doctest::Approx(4.5));
  CHECK(series.spread[0].low == 0.0);
  CHECK(series.spread[0].high == 9.0);
  CHECK(condensed({{0.0, 1.0}, {1.0, 2.0}}, 50).spread.empty());
}

TEST_CASE("matrix: every count stands in its cell") {
  ClassificationMeter metrics(2);
  metrics.add(Tensor::from({3, 2}, std::vector<float>{2, 1, 2, 1, 1, 2}),
              Tensor::from({3}, std::vector<std::int32_t>{0, 1, 1}));
  const std::string svg = draw_confusion(metrics.confusion(), {"cat", "dog & co"}).svg;
  CHECK(XmlCheck::problem(svg) == "");
  CHECK(svg.find("dog &amp; co taken for cat: 1 of 2 (50.0 %)") != std::string::npos);
  CHECK(svg.find("cat: 1 of 1 right (100.0 %)") != std::string::npos);
}

TEST_CASE("differences: a row each, with and without an interval") {
  const std::string svg =
      draw_differences("Difference", {.unit = Unit::kPercent},
                       {{"a", 0.012, 0.004, true, false},
                        {"b", -0.01, std::nan(""), false, false},
                        {"c", std::nan(""), std::nan(""), false, false},
                        {"ä name longer than half of the chart is wide", 0.0, 0.0, false, false}})
          .svg;
  CHECK(XmlCheck::problem(svg) == "");
  CHECK(svg.find("a: +1.20\u00a0%, 95\u00a0% interval +0.80\u00a0% to +1.60\u00a0%") !=
        std::string::npos);
  CHECK(svg.find("b: −1.00\u00a0%\"") != std::string::npos);
  CHECK(svg.find("no pair of runs yet") != std::string::npos);
  CHECK(svg.find(">ä name longer than half of…<") != std::string::npos);
}

TEST_CASE("drawing file: brings its own style") {
  const std::vector<PlacedDrawing> drawings = {{0.0, 0.0, draw({.title = "a", .series = {}})}};
  const std::string svg = drawing_file(drawings);
  CHECK(XmlCheck::problem(svg) == "");
  CHECK(svg.find("<style>") != std::string::npos);
}

TEST_CASE("picture: base64 is that of RFC 4648") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("picture: zero is transparent, the ends are opaque") {
  CHECK(signed_color(0.0)[3] == 0);
  CHECK(signed_color(1.0)[3] == 255);
  CHECK(signed_color(-3.0)[3] == 255);
  CHECK(signed_color(0.5) != signed_color(-0.5));
  CHECK(strength_color(0.5)[3] == 128);
}

TEST_CASE("picture: a mosaic keeps its tiles whole") {
  const std::vector<float> field = {0.0f, 1.0f, -1.0f, 0.5f};
  const std::vector<Picture> tiles(5, picture_of(field, 2, 1.0, signed_color));
  const Picture all = mosaic(tiles, 3, 40);  // 3 tiles of 2 and 2 gaps: 8, five times
  CHECK(all.width() == 40);
  CHECK(all.height() == 25);
  CHECK(all.uri().starts_with("data:image/png;base64,iVBOR"));
}

}  // namespace
}  // namespace tessera::report
