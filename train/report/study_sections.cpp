#include "train/report/study_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "train/metrics_file.h"
#include "train/run_folder.h"

namespace tessera::report {
namespace {

Cell estimate_cell(const StudyCell& cell, const std::string& metric) {
  const auto found = cell.summary.find(metric);
  if (found == cell.summary.end()) return {"–", std::nan("")};
  return {estimate_text(found->second.value, unit_of(metric)), found->second.value.mean};
}

Cell difference_cell(const StudyCell& cell, const std::string& metric) {
  if (cell.is_baseline()) return {"baseline", 0.0};
  const auto found = cell.summary.find(metric);
  if (found == cell.summary.end() || !found->second.difference) return {"–", std::nan("")};
  return {difference_text(*found->second.difference, unit_of(metric)),
          found->second.difference->mean};
}

double EvaluationRecord::*field_of(const std::string& metric) {
  if (metric == "loss") return &EvaluationRecord::test_loss;
  if (metric == "top5") return &EvaluationRecord::test_top5;
  if (metric == "train_loss") return &EvaluationRecord::train_loss;
  if (metric == "train_top1") return &EvaluationRecord::train_top1;
  return &EvaluationRecord::test_top1;
}

/// One line a seed, by epoch.
Plot curves_of_cell(const StudyRecord& record, const StudyCell& cell) {
  constexpr std::array<const char*, 6> kColors = {"s0", "s1", "s2", "s3", "s4", "s5"};
  Plot plot{.title = cell.name,
            .x = {.label = "epoch", .whole = true, .tight = true, .low = 0.0},
            .y = {.unit = unit_of(record.metric())},
            .series = {},
            .width = 270.0,
            .height = 190.0};
  for (std::size_t i = 0; i < cell.runs.size(); ++i) {
    Series series{.name = fmt::format("seed {}", cell.runs[i].seed),
                  .color = kColors[i % kColors.size()],
                  .kind = Series::Kind::kLine};
    const RunFolder folder{record.path / cell.runs[i].folder};
    for (const EvaluationRecord& evaluation : read_evaluations(folder.metrics())) {
      series.points.push_back(
          {static_cast<double>(evaluation.epoch), evaluation.*field_of(record.metric())});
    }
    if (!series.points.empty()) plot.series.push_back(std::move(series));
  }
  return plot;
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
    }
  }
  if (plots.empty()) return;
  const Axis across(plots.front().x, x), up(plots.front().y, y);
  for (Plot& plot : plots) {
    plot.x.high = across.high();
    plot.y.low = up.low();
    plot.y.high = up.high();
  }
}

}  // namespace

Unit unit_of(const std::string& metric) {
  return smaller_is_better(metric) ? Unit::kPlain : Unit::kPercent;
}

std::string metric_name(const std::string& metric) {
  if (metric == "top1") return "Test top-1";
  if (metric == "top5") return "Test top-5";
  if (metric == "loss") return "Test loss";
  if (metric == "train_top1") return "Training top-1";
  if (metric == "train_loss") return "Training loss";
  return metric;
}

std::string estimate_text(const Estimate& estimate, Unit unit) {
  if (!std::isfinite(estimate.mean)) return "–";
  const bool percent = unit == Unit::kPercent;
  const double factor = percent ? 100.0 : 1.0;
  const int digits = percent ? 2 : 4;
  std::string text = fmt::format("{:.{}f}", factor * estimate.mean, digits);
  if (std::isfinite(estimate.half_width)) {
    text += fmt::format(" ± {:.{}f}", factor * estimate.half_width, digits);
  }
  return text + (percent ? " %" : "");
}

std::string difference_text(const Estimate& difference, Unit unit) {
  if (!std::isfinite(difference.mean)) return "–";
  const bool percent = unit == Unit::kPercent;
  const double factor = percent ? 100.0 : 1.0;
  const int digits = percent ? 2 : 4;
  std::string text = fmt::format("{}{:.{}f}", difference.mean < 0.0 ? "−" : "+",
                                 factor * std::abs(difference.mean), digits);
  if (std::isfinite(difference.half_width)) {
    text += fmt::format(" ± {:.{}f}", factor * difference.half_width, digits);
  }
  return text + (percent ? " points" : "");
}

Section table_section(const StudyRecord& record) {
  Section section{"table",
                  "All numbers",
                  "Means over the seeds with 95 % intervals; time, speed and memory are those of "
                  "the machine. A click on a head sorts.",
                  {}};
  Table table{{"Cell"}, {}, true};
  for (const std::string& metric : record.metrics) table.heads.push_back(metric_name(metric));
  table.heads.insert(table.heads.begin() + 2, "Difference");
  table.heads.insert(table.heads.end(),
                     {"Runs", "Parameters", "MACs", "Images/s", "Time", "Memory"});
  for (const StudyCell& cell : record.cells) {
    std::vector<Cell> row = {cell.name};
    for (const std::string& metric : record.metrics) row.push_back(estimate_cell(cell, metric));
    row.insert(row.begin() + 2, difference_cell(cell, record.metric()));
    const auto done = std::count_if(cell.runs.begin(), cell.runs.end(),
                                    [](const StudyRun& run) { return run.status == "done"; });
    row.emplace_back(fmt::format("{} of {}", done, cell.runs.size()), static_cast<double>(done));
    row.emplace_back(number_text(cell.parameters, Unit::kCount, 3), cell.parameters);
    row.emplace_back(number_text(cell.macs, Unit::kCount, 3), cell.macs);
    row.emplace_back(number_text(cell.images_per_s, Unit::kCount, 3), cell.images_per_s);
    row.emplace_back(duration_text(cell.train_seconds), cell.train_seconds);
    row.emplace_back(
        std::isfinite(cell.peak_memory_mb) ? fmt::format("{:.0f} MB", cell.peak_memory_mb) : "–",
        cell.peak_memory_mb);
    table.rows.push_back(std::move(row));
  }
  add_table(section.body, table);
  return section;
}

std::optional<Section> study_curves_section(const StudyRecord& record) {
  std::vector<Plot> plots;
  for (const StudyCell& cell : record.cells) {
    Plot plot = curves_of_cell(record, cell);
    if (!plot.series.empty()) plots.push_back(std::move(plot));
  }
  if (plots.empty()) return std::nullopt;
  share_axes(plots);
  Section section{"curves",
                  "Curves",
                  metric_name(record.metric()) +
                      " after each epoch, a line a seed; all charts have the same axes.",
                  {}};
  section.body.open("div", {{"class", "figures small"}});
  for (const Plot& plot : plots) section.body.open("figure").raw(draw(plot).svg).close();
  section.body.close();
  return section;
}

Section runs_section(const StudyRecord& record) {
  Section section{
      "runs",
      "Runs",
      "Each is an ordinary run's folder: tessera report shows any of them more closely.",
      {}};
  Table table{{"Cell", "Seed", "State", "Folder", "Made equal"}, {}, true};
  for (const StudyCell& cell : record.cells) {
    std::string matched;
    for (const std::string& change : cell.matched) {
      matched += (matched.empty() ? "" : ", ") + change;
    }
    for (const StudyRun& run : cell.runs) {
      table.rows.push_back({cell.name,
                            Cell(fmt::to_string(run.seed), static_cast<double>(run.seed)),
                            run.error.empty() ? run.status : run.status + ": " + run.error,
                            run.folder, matched.empty() ? "–" : matched});
    }
  }
  add_table(section.body, table);
  return section;
}

}  // namespace tessera::report
