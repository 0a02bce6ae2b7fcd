#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "report/mean_curve.h"
#include "report/study_sections.h"
#include "train/metrics_file.h"
#include "train/run_folder.h"

namespace tessera::report {
namespace {

constexpr std::array<const char*, 6> kColors = {"s0", "s1", "s2", "s3", "s4", "s5"};
using MeanCurves = std::map<const StudyCell*, MeanCurve>;

constexpr double kWidth = 270.0, kHeight = 190.0;

/// Cells that share charts, a line each.
struct Group {
  std::string title;  ///< what they have in common; empty: there is one group
  std::vector<const StudyCell*> cells;
  std::vector<std::string> names;
  std::vector<std::size_t> colors;
};

/// The axis whose values become the lines of a chart: the longest that there are colours for.
const StudyAxis* axis_of_lines(const StudyRecord& record) {
  const StudyAxis* best = nullptr;
  for (const StudyAxis& axis : record.axes) {
    if (axis.values.size() < 2 || axis.values.size() > kColors.size()) continue;
    if (best == nullptr || axis.values.size() > best->values.size()) best = &axis;
  }
  return best;
}

std::string label_on(const StudyCell& cell, const StudyAxis& axis) {
  const auto found = cell.labels.find(axis.name);
  return axis.name.substr(axis.name.rfind('.') + 1) + ' ' +
         (found == cell.labels.end() ? "–" : found->second);
}

void add_cell(const StudyRecord& record, const StudyCell& cell, const StudyAxis* lines,
              std::vector<Group>& groups) {
  std::string title, name = short_name(record, cell);
  std::size_t color = 0;
  if (lines == nullptr) {
    const auto number = static_cast<std::size_t>(&cell - record.cells.data());
    if (record.cells.size() > kColors.size()) {
      const std::size_t first = number / kColors.size() * kColors.size();
      title = fmt::format("Cells {} to {}", first + 1,
                          std::min(first + kColors.size(), record.cells.size()));
    }
    color = number % kColors.size();
  } else {
    for (const StudyAxis& axis : record.axes) {
      if (&axis != lines) title += (title.empty() ? "" : ", ") + label_on(cell, axis);
    }
    name = label_on(cell, *lines);
    const auto label = cell.labels.find(lines->name);
    const auto place = label == cell.labels.end() ? lines->values.begin()
                                                  : std::ranges::find(lines->values, label->second);
    color = static_cast<std::size_t>(place - lines->values.begin()) % kColors.size();
  }
  auto group = std::ranges::find(groups, title, &Group::title);
  if (group == groups.end()) group = groups.insert(groups.end(), Group{title, {}, {}, {}});
  group->cells.push_back(&cell);
  group->names.push_back(name);
  group->colors.push_back(color);
}

std::vector<Group> groups_of(const StudyRecord& record) {
  const bool fits = record.cells.size() <= kColors.size();
  const StudyAxis* lines = fits ? nullptr : axis_of_lines(record);
  std::vector<Group> groups;
  for (const StudyCell& cell : record.cells) add_cell(record, cell, lines, groups);
  return groups;
}

/// The same ends for all charts, so that they can be compared.
void share_axes(std::vector<Plot>& plots) {
  std::vector<double> x, y;
  for (const Plot& plot : plots) {
    for (const Series& series : plot.series) {
      for (const Point& point : series.points) {
        x.push_back(point.x);
        y.push_back(point.y);
      }
      for (const Span& span : series.spread) y.insert(y.end(), {span.low, span.high});
    }
  }
  if (plots.empty()) return;
  const PlotAxis across(plots.front().x, x), up(plots.front().y, y);
  for (Plot& plot : plots) {
    plot.x.low = across.low();
    plot.x.high = across.high();
    plot.y.low = up.low();
    plot.y.high = up.high();
  }
}

/// What training cost by an evaluation.
struct Cost {
  const char* title;
  AxisConfig x;
  double (*of)(const StudyCell& cell, const Standing& standing);
};

double epochs(const StudyCell&, const Standing& standing) { return standing.epoch; }

/// Forward once, backward twice as much.
double multiply_adds(const StudyCell& cell, const Standing& standing) {
  return 3.0 * cell.macs * standing.images;
}

double seconds_alone(const StudyCell& cell, const Standing& standing) {
  return standing.images / cell.images_per_s_alone;
}

double seconds_in_runs(const StudyCell&, const Standing& standing) { return standing.seconds; }

/// Costs that differ much from cell to cell are drawn by their logarithm.
bool is_wide(const std::vector<Plot>& plots) {
  constexpr double kMuch = 3.0;
  double least = INFINITY, most = 0.0;
  for (const Plot& plot : plots) {
    for (const Series& series : plot.series) {
      least = std::min(least, series.points.back().x);
      most = std::max(most, series.points.back().x);
    }
  }
  return most > kMuch * least;
}

/// A chart a group.
std::vector<Plot> plots_by(const StudyRecord& record, const Cost& cost,
                           const std::vector<Group>& groups, const MeanCurves& curves) {
  std::vector<Plot> plots;
  for (const Group& group : groups) {
    Plot plot{.title = cost.title,
              .x = cost.x,
              .y = {.unit = unit_of(record.metric())},
              .series = {},
              .height = 205.0 + 18.0 * static_cast<double>(group.cells.size())};  // and the names
    for (std::size_t i = 0; i < group.cells.size(); ++i) {
      const MeanCurve& curve = curves.at(group.cells[i]);
      Series series{.name = group.names[i],
                    .color = kColors[group.colors[i]],
                    .kind = Series::Kind::kLineAndDots};
      for (std::size_t k = 0; k < curve.means.size(); ++k) {
        const double x = cost.of(*group.cells[i], curve.means[k]);
        if (!std::isfinite(x)) continue;
        series.points.push_back({x, curve.means[k].value});
        series.spread.push_back(curve.spread[k]);
      }
      if (!series.points.empty()) plot.series.push_back(std::move(series));
    }
    plots.push_back(std::move(plot));
  }
  if (cost.x.label != std::string("epoch") && is_wide(plots)) {
    for (Plot& plot : plots) plot.x.log = true;
  }
  share_axes(plots);
  return plots;
}

/// One line a seed, by epoch.
Plot curves_of_cell(const StudyRecord& record, const StudyCell& cell) {
  Plot plot{.title = short_name(record, cell),
            .x = {.label = "epoch", .whole = true, .tight = true},
            .y = {.unit = unit_of(record.metric())},
            .series = {},
            .width = kWidth,
            .height = kHeight};
  for (std::size_t i = 0; i < cell.runs.size(); ++i) {
    Series series{.name = fmt::format("seed {}", cell.runs[i].seed),
                  .color = kColors[i % kColors.size()],
                  .kind = Series::Kind::kLineAndDots};
    const RunFolder folder{record.path / cell.runs[i].folder};
    for (const EvaluationRecord& evaluation : read_evaluations(folder.metrics())) {
      series.points.push_back(
          {static_cast<double>(evaluation.epoch), evaluation.metrics.value(curve_metric(record))});
    }
    if (!series.points.empty()) plot.series.push_back(std::move(series));
  }
  return plot;
}

void add_figures(Markup& html, const std::vector<Plot>& plots, const char* classes) {
  html.open("div", {{"class", classes}});
  for (const Plot& plot : plots) html.open("figure").raw(draw(plot).svg).close();
  html.close();
}

/// Means of the cells against what training had cost by then.
void add_means(const StudyRecord& record, const MeanCurves& curves, bool alone, Markup& html) {
  const std::vector<Group> groups = groups_of(record);
  const std::array<Cost, 3> costs = {{
      {"By epoch", {.label = "epoch", .whole = true, .tight = true}, epochs},
      {"By arithmetic",
       {.label = "multiply-adds of training", .unit = Unit::kCount, .tight = true},
       multiply_adds},
      {"By time",
       {.label = "seconds of training", .unit = Unit::kCount, .tight = true},
       alone ? seconds_alone : seconds_in_runs},
  }};
  std::vector<std::vector<Plot>> by_cost;
  for (const Cost& cost : costs) by_cost.push_back(plots_by(record, cost, groups, curves));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<Plot> plots;
    for (const std::vector<Plot>& all : by_cost) {
      if (!all[g].series.empty()) plots.push_back(all[g]);
    }
    if (plots.empty()) continue;
    if (!groups[g].title.empty()) html.element("h3", groups[g].title);
    add_figures(html, plots, "figures");
  }
}

}  // namespace

std::optional<Section> study_curves_section(const StudyRecord& record) {
  std::vector<Plot> plots;
  for (const StudyCell& cell : record.cells) {
    Plot plot = curves_of_cell(record, cell);
    if (!plot.series.empty()) plots.push_back(std::move(plot));
  }
  if (plots.empty()) return std::nullopt;
  share_axes(plots);
  const bool alone = std::ranges::all_of(
      record.cells, [](const StudyCell& cell) { return std::isfinite(cell.images_per_s_alone); });
  MeanCurves curves;
  for (const StudyCell& cell : record.cells) curves[&cell] = mean_curve(record, cell);
  // Of one evaluation a run the charts of costs tell more.
  const bool has_means =
      std::ranges::any_of(curves, [](const auto& one) { return one.second.means.size() > 1; });
  Section section{"curves", "Curves", sentence_case(title_of_metric(curve_metric(record))), {}};
  if (has_means) {
    section.lead += fmt::format(
        " at each evaluation: a line is the mean over the seeds of a cell, the band goes from the "
        "lowest seed to the highest; charts of a kind have the same axes. Arithmetic is the "
        "multiply-adds of an image's forward pass × 3, for the backward pass takes about twice as "
        "many, × the images seen by then. Time is that of the updates, without evaluations, {}.",
        alone ? "at the speed measured with the cell alone on the machine"
              : "as the runs took it, beside whatever else the machine did");
    add_means(record, curves, alone, section.body);
    section.body.element("h3", "Each seed");
  } else {
    section.lead += " at each evaluation, a line a seed; all charts have the same axes.";
  }
  add_figures(section.body, plots, "figures small");
  return section;
}

}  // namespace tessera::report
