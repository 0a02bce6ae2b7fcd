#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/target_picture.h"
#include "report/matrix_plot.h"
#include "report/plot/picture.h"
#include "report/sections.h"
#include "tasks/detection/pictures.h"
#include "train/readable.h"

namespace tessera::report {
namespace {

constexpr std::size_t kMostCurves = 6;  // colours of plot.css
constexpr std::int64_t kMostBoxClassesDrawn = 100;

void add_sample(Markup& html, const RunView& view, const BoxSample& sample) {
  Image buffer;
  const Image photo = in_colors(view.images->read(sample.sample, buffer));
  const std::vector<Box> truths = view.images->target(sample.sample).boxes;
  html.open("figure").element(
      "h4", fmt::format("{} · {} missed, {} invented", view.images->sample_name(sample.sample),
                        sample.missed, sample.invented));
  html.open("div", {{"class", "blocks"}, {"style", "--n:2;--half:1"}});
  const auto add_tile = [&](const Image& image, const char* what) {
    html.open("div");
    add_image(html, picture_of(image.pixels, image.shape), what);
    html.element("span", what).close();
  };
  add_tile(with_boxes(photo, truths), "truth");
  add_tile(with_verdicts(photo, truths, sample.detections, view.class_names), "what it made of it");
  html.close().close();
}

Cell figure_cell(double value) {
  if (value < 0.0 || std::isnan(value)) return {"–"};
  return {number_text(value, Unit::kPercent, 1), value, value};
}

Table class_table(const BoxResult& result, const CocoScores& scores,
                  const std::vector<std::string>& names) {
  Table table{
      {"Class", "Truths", "AP", "AP50", "AP75", "small", "medium", "large", "Precision", "Recall"},
      {},
      true};
  for (std::size_t k = 0; k < names.size(); ++k) {
    const CocoClassScore& score = scores.classes[k];
    const OperatingPoint point =
        result.meter.matches().point(static_cast<std::int64_t>(k), result.score);
    table.rows.push_back(
        {names[k], Cell(fmt::to_string(score.truths), static_cast<double>(score.truths)),
         figure_cell(score.ap), figure_cell(score.ap50), figure_cell(score.ap75),
         figure_cell(score.ap_small), figure_cell(score.ap_medium), figure_cell(score.ap_large),
         figure_cell(point.precision()), figure_cell(point.recall())});
  }
  return table;
}

/// The classes with most truths, as many as there are colours.
std::vector<std::size_t> classes_to_draw(const CocoScores& scores) {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < scores.classes.size(); ++k) {
    if (scores.classes[k].truths > 0) order.push_back(k);
  }
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t k) { return scores.classes[k].truths; });
  order.resize(std::min(order.size(), kMostCurves));
  return order;
}

template <typename ToPoint>
Plot curves(const BoxResult& result, const CocoScores& scores,
            const std::vector<std::string>& names, std::string title, const char* x_label,
            const ToPoint& to_point) {
  const AxisConfig share{.unit = Unit::kPercent, .tight = true, .low = 0.0, .high = 1.0};
  // Where such a curve ends says nothing.
  Plot plot{.title = std::move(title), .x = share, .y = share, .last_values = false};
  plot.x.label = x_label;
  for (const std::size_t k : classes_to_draw(scores)) {
    Series series{.name = names[k], .color = fmt::format("s{}", plot.series.size())};
    for (const OperatingPoint& point : result.meter.matches().curve(static_cast<std::int64_t>(k))) {
      series.points.push_back(to_point(point));
    }
    // Some hundreds of points show all that can be seen.
    const std::size_t step = series.points.size() / 300 + 1;
    std::vector<Point> thinned;
    for (std::size_t i = 0; i < series.points.size(); i += step) {
      thinned.push_back(series.points[i]);
    }
    series.points = std::move(thinned);
    plot.series.push_back(std::move(series));
  }
  return plot;
}

}  // namespace

std::optional<Section> boxes_section(const RunView& view) {
  if (!view.boxes || view.boxes->worst.empty()) return std::nullopt;
  Section section{
      "boxes",
      "Images",
      fmt::format("The test images with most mistakes, with what scores {:.2f} and more: "
                  "green is right, red was invented, yellow was missed.",
                  view.boxes->score),
      {}};
  section.body.open("div", {{"class", "figures rows"}});
  for (const BoxSample& sample : view.boxes->worst) add_sample(section.body, view, sample);
  section.body.close();
  return section;
}

std::optional<Section> box_classes_section(const RunView& view) {
  if (!view.boxes) return std::nullopt;
  const BoxResult& result = *view.boxes;
  const CocoScores scores = result.meter.scores();
  Section section{"classes",
                  "Classes",
                  "COCO's average precision of each class, over overlaps from 0.5 to 0.95, at 0.5 "
                  "and 0.75, and by size (areas up to 32², up to 96², larger).",
                  {}};
  add_table(section.body, class_table(result, scores, view.class_names));
  section.body.open("div", {{"class", "figures"}});
  add_figure(section.body,
             draw(curves(result, scores, view.class_names, "Precision by recall", "recall",
                         [](const OperatingPoint& p) {
                           return Point{p.recall(), p.precision()};
                         })),
             "At an overlap of 0.5, as the least score falls.");
  add_figure(section.body,
             draw(curves(result, scores, view.class_names, "F1 by least score", "score",
                         [](const OperatingPoint& p) {
                           return Point{p.score, p.f1()};
                         })),
             fmt::format("The mean is best at {:.2f}.", result.score));
  if (result.meter.matches().num_classes() <= kMostBoxClassesDrawn) {
    std::vector<std::string> names = view.class_names;
    names.emplace_back("nothing");
    add_figure(section.body, draw_confusion(result.meter.matches().confusion(result.score), names),
               "A row is a class, a column what it was taken for; the last column is what was "
               "missed, the last row what was invented.");
  }
  section.body.close();
  return section;
}

}  // namespace tessera::report
