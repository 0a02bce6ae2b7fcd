#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "report/plot/plot.h"
#include "report/study_sections.h"

namespace tessera::report {
namespace {

const Estimate& value_of(const StudyRecord& record, const StudyCell& cell) {
  static const Estimate kNone{.mean = std::nan(""), .half_width = {}, .p = {}};
  const auto found = cell.summary.find(record.metric());
  return found == cell.summary.end() ? kNone : found->second.value;
}

/// What tells a cell from the others of its colour.
std::string label_of(const StudyRecord& record, const StudyCell& cell) {
  if (record.axes.size() < 2) return cell.name;
  std::string label;
  for (std::size_t i = 1; i < record.axes.size(); ++i) {
    const auto found = cell.labels.find(record.axes[i].name);
    if (found != cell.labels.end()) label += (label.empty() ? "" : ", ") + found->second;
  }
  return label;
}

void add_dot(Series& series, const Estimate& value, double cost, std::string label) {
  series.points.push_back({cost, value.mean});
  const double room = value.half_width.value_or(0.0);
  series.spread.push_back({value.mean - room, value.mean + room});
  series.labels.push_back(std::move(label));
}

/// The values of the first axis have a colour each; there are six.
std::vector<Series> dots(const StudyRecord& record, double StudyCell::*cost) {
  constexpr std::array<const char*, 6> kColors = {"s0", "s1", "s2", "s3", "s4", "s5"};
  std::vector<Series> all;
  const bool by_axis = record.axes.size() > 1;
  const std::vector<std::string> values =
      by_axis ? record.axes.front().values : std::vector<std::string>{""};
  for (std::size_t i = 0; i < values.size(); ++i) {
    Series series{
        .name = values[i], .color = kColors[i % kColors.size()], .kind = Series::Kind::kDots};
    for (const StudyCell& cell : record.cells) {
      if (by_axis && cell.labels.at(record.axes.front().name) != values[i]) continue;
      const Estimate& value = value_of(record, cell);
      if (!std::isfinite(value.mean) || !std::isfinite(cell.*cost)) continue;
      add_dot(series, value, cell.*cost, label_of(record, cell));
    }
    if (!series.points.empty()) all.push_back(std::move(series));
  }
  return all;
}

/// The best value that each cost buys, as steps.
Series front_of(const std::vector<Series>& dots, bool smaller) {
  std::vector<Point> points;
  for (const Series& series : dots) {
    points.insert(points.end(), series.points.begin(), series.points.end());
  }
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.x < b.x; });
  Series front{.name = "best for the cost", .color = "faint", .kind = Series::Kind::kSteps};
  for (const Point& point : points) {
    const bool better = front.points.empty() || (smaller ? point.y < front.points.back().y
                                                         : point.y > front.points.back().y);
    if (better) front.points.push_back(point);
  }
  if (!points.empty()) front.points.push_back({points.back().x, front.points.back().y});
  return front;
}

bool is_better(double a, double b, bool smaller) { return smaller ? a < b : a > b; }

/// What the difference of `cell` to its baseline lets one say.
std::string difference_verdict(const StudyRecord& record, const StudyCell& cell, Unit unit) {
  const Estimate& difference = *cell.summary.at(record.metric()).difference;
  const std::string text = difference_text(difference, unit);
  if (record.shows(difference)) {
    return fmt::format("{} differs from {} by {}{}.", cell.name, cell.baseline, text,
                       difference.p_holm ? fmt::format(" ({}, corrected for the comparisons)",
                                                       p_text(*difference.p_holm))
                                         : "");
  }
  const auto seeds = repetitions_to_show(difference);
  const bool among_many = difference.p_holm.value_or(0.0) >= 0.05;
  std::string how =
      difference.excludes_zero() ? (among_many ? "among so many comparisons that may be chance"
                                               : "after so many looks that may be chance")
      : seeds                    ? fmt::format("about {} seeds would show one of this size", *seeds)
      : difference.image_error > 0.0 ? "only more test images would show one of this size"
                                     : "";
  return fmt::format("No difference shown between {} and {}: {}{}.", cell.name, cell.baseline, text,
                     how.empty() ? "" : "; " + how);
}

/// The best of `record`, or the best but for `other`.
const StudyCell* best_of(const StudyRecord& record, const StudyCell* other = nullptr) {
  const bool smaller = named_metric(record.metric(), 0.0).smaller_is_better;
  const StudyCell* best = nullptr;
  for (const StudyCell& cell : record.cells) {
    const double mean = value_of(record, cell).mean;
    if (&cell == other || !std::isfinite(mean)) continue;
    if (best == nullptr || is_better(mean, value_of(record, *best).mean, smaller)) best = &cell;
  }
  return best;
}

bool has_difference(const StudyRecord& record, const StudyCell& cell) {
  const auto found = cell.summary.find(record.metric());
  return found != cell.summary.end() && found->second.difference &&
         found->second.difference->half_width;
}

constexpr const char* kFold = "data.fold";

bool has_folds(const StudyRecord& record) {
  return std::ranges::any_of(record.axes, [](const StudyAxis& axis) { return axis.name == kFold; });
}

/// Folds have images of their own: a cell is compared with its baseline on the same ones alone.
bool is_compared(const StudyRecord& record, const StudyCell& cell) {
  if (cell.is_baseline()) return false;
  const auto fold_of = [](const StudyCell& of) {
    const auto found = of.labels.find(kFold);
    return found == of.labels.end() ? std::string() : found->second;
  };
  const auto baseline = std::ranges::find(record.cells, cell.baseline, &StudyCell::name);
  return baseline == record.cells.end() || fold_of(*baseline) == fold_of(cell);
}

/// The best mean over folds.
std::string verdict_over_folds(const StudyRecord& record) {
  struct Group {
    std::vector<double> means;
    double squares = 0.0;  ///< of the errors over the images, which are other ones in each fold
  };
  std::map<std::string, Group> groups;
  for (const StudyCell& cell : record.cells) {
    std::string name;
    for (const auto& [axis, label] : cell.labels) {
      if (axis != kFold) name += (name.empty() ? "" : ", ") + axis + ' ' + label;
    }
    const Estimate& value = value_of(record, cell);
    if (!std::isfinite(value.mean)) continue;
    groups[name].means.push_back(value.mean);
    groups[name].squares += value.image_error * value.image_error;
  }
  const bool smaller = named_metric(record.metric(), 0.0).smaller_is_better;
  const std::string* best = nullptr;
  Estimate value;
  for (const auto& [name, group] : groups) {
    const auto count = static_cast<double>(group.means.size());
    const Estimate own = estimate(group.means, std::sqrt(group.squares) / count);
    if (best != nullptr && !is_better(own.mean, value.mean, smaller)) continue;
    best = &name;
    value = own;
  }
  if (best == nullptr) return "No run has ended yet.";
  return fmt::format(
      "Over {} folds the {}{} is {}{}. Folds are not compared with each other: they "
      "have images of their own.",
      value.n, best->empty() ? "" : "best ", title_of_metric(record.metric()),
      estimate_text(value, unit_of(record.metric())), best->empty() ? "" : ", with " + *best);
}

/// A sentence or two that claim no more than the intervals do.
std::string verdict(const StudyRecord& record) {
  if (has_folds(record)) return verdict_over_folds(record);
  const StudyCell* best = best_of(record);
  if (best == nullptr) return "No run has ended yet.";
  const Unit unit = unit_of(record.metric());
  const std::string text =
      fmt::format("The best mean {}{}: {} with {}.", title_of_metric(record.metric()),
                  record.runs_in(RunStatus::kDone) < record.runs() ? " so far" : "", best->name,
                  estimate_text(value_of(record, *best), unit));
  if (has_difference(record, *best)) return text + ' ' + difference_verdict(record, *best, unit);
  if (!best->is_baseline()) return text + " One seed tells nothing of chance.";
  const StudyCell* second = best_of(record, best);
  if (second == nullptr) return text;
  if (second->baseline != best->name || !has_difference(record, *second)) {
    return text + " It is what the others are compared with.";
  }
  return text + " The next: " + difference_verdict(record, *second, unit);
}

}  // namespace

Plot cost_plot(const StudyRecord& record, const std::string& title, const AxisConfig& x,
               double StudyCell::*cost) {
  const std::vector<Series> series = dots(record, cost);
  std::string beside;  // what the labels at the dots are
  for (std::size_t i = 1; i < record.axes.size(); ++i) {
    const std::string& name = record.axes[i].name;
    beside += (beside.empty() ? "" : ", ") + name.substr(name.rfind('.') + 1);
  }
  Plot plot{.title = beside.empty() ? title : fmt::format("{} (at dots: {})", title, beside),
            .x = x,
            .y = {.unit = unit_of(record.metric())},
            .series = {front_of(series, named_metric(record.metric(), 0.0).smaller_is_better)},
            .height = 300.0};
  plot.series.insert(plot.series.end(), series.begin(), series.end());
  return plot;
}

Drawing difference_drawing(const StudyRecord& record, const std::string& metric) {
  std::vector<DifferenceRow> rows;
  const bool smaller = named_metric(metric, 0.0).smaller_is_better;
  const bool points = unit_of(metric) == Unit::kPercent;
  const double scale = points ? 100.0 : 1.0;
  for (const StudyCell& cell : record.cells) {
    if (!is_compared(record, cell)) continue;
    const auto found = cell.summary.find(metric);
    Estimate difference{.mean = std::nan(""), .half_width = {}, .p = {}};
    if (found != cell.summary.end()) difference = found->second.difference.value_or(difference);
    const bool clear = record.shows(difference);
    const bool up = difference.mean > 0.0;
    rows.push_back({short_name(record, cell), scale * difference.mean,
                    scale * difference.half_width.value_or(std::nan("")), clear && up != smaller,
                    clear && up == smaller});
  }
  return draw_differences(sentence_case(title_of_metric(metric)) + ", difference to the baseline",
                          {.label = points ? "percentage points" : "difference"}, rows);
}

Section results_section(const StudyRecord& record) {
  Section section{"results", "Results", verdict(record), {}};
  const std::string metric = sentence_case(title_of_metric(record.metric()));
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  add_figure(
      html,
      draw(cost_plot(record, metric + " and arithmetic",
                     {.label = "MACs an image", .unit = Unit::kCount, .log = true},
                     &StudyCell::macs)),
      "A dot is the mean over the seeds, its line the 95\u00a0% interval of that mean; names stand "
      "beside dots as far as there is room. The grey steps join what is best for its cost.");
  const bool alone =
      std::all_of(record.cells.begin(), record.cells.end(),
                  [](const StudyCell& cell) { return std::isfinite(cell.train_seconds_alone); });
  add_figure(
      html,
      draw(cost_plot(record, metric + " and time",
                     {.label = "seconds of training", .unit = Unit::kCount, .log = true},
                     alone ? &StudyCell::train_seconds_alone : &StudyCell::train_seconds)),
      alone ? "The same over the time of all updates at the speed measured with the cell alone "
              "on the machine."
            : "The same over the mean time that the runs took to train, beside whatever else "
              "the machine did.");
  const bool compares =
      std::any_of(record.cells.begin(), record.cells.end(),
                  [&](const StudyCell& cell) { return is_compared(record, cell); });
  if (compares) {
    add_figure(html, difference_drawing(record, record.metric()),
               "Mean of the differences between runs of the same seed, which see the same images "
               "in the same order, with its 95\u00a0% interval. Blue is better than the baseline, "
               "orange worse; of the grey ones the study shows no difference.");
    if (record.metrics.size() > 1) {
      add_figure(
          html, difference_drawing(record, record.metrics[1]),
          fmt::format("The same of the {}: {} is better.", title_of_metric(record.metrics[1]),
                      named_metric(record.metrics[1], 0.0).smaller_is_better ? "less" : "more"));
    }
  }
  html.close();
  return section;
}

}  // namespace tessera::report
