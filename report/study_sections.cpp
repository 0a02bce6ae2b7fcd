#include "report/study_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "report/run_record.h"
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
  if (cell.same_as_baseline) return {"same runs", std::nan("")};
  const auto found = cell.summary.find(metric);
  if (found == cell.summary.end() || !found->second.difference) return {"–", std::nan("")};
  const Estimate& difference = *found->second.difference;
  const std::string text = difference_text(difference, unit_of(metric));
  return {difference.p_holm ? text + ", " + p_text(*difference.p_holm) : text, difference.mean};
}

/// A column an axis: the last word of its name.
std::vector<std::string> axis_heads(const StudyRecord& record) {
  std::vector<std::string> heads;
  for (const StudyAxis& axis : record.axes) {
    heads.push_back(axis.name.substr(axis.name.rfind('.') + 1));
  }
  return heads;
}

/// Numbers sort as such.
std::vector<Cell> axis_cells(const StudyRecord& record, const StudyCell& cell) {
  std::vector<Cell> cells;
  for (const StudyAxis& axis : record.axes) {
    const auto found = cell.labels.find(axis.name);
    const std::string label = found == cell.labels.end() ? "–" : found->second;
    char* end = nullptr;
    const double value = std::strtod(label.c_str(), &end);
    cells.push_back(*end == '\0' ? Cell(label, value) : Cell(label));
  }
  return cells;
}

/// One line a seed, by epoch.
Plot curves_of_cell(const StudyRecord& record, const StudyCell& cell) {
  constexpr std::array<const char*, 6> kColors = {"s0", "s1", "s2", "s3", "s4", "s5"};
  Plot plot{.title = short_name(record, cell),
            .x = {.label = "epoch", .whole = true, .tight = true},
            .y = {.unit = unit_of(record.metric())},
            .series = {},
            .width = 270.0,
            .height = 190.0};
  for (std::size_t i = 0; i < cell.runs.size(); ++i) {
    Series series{.name = fmt::format("seed {}", cell.runs[i].seed),
                  .color = kColors[i % kColors.size()],
                  .kind = Series::Kind::kLineAndDots};
    const RunFolder folder{record.path / cell.runs[i].folder};
    for (const EvaluationRecord& evaluation : read_evaluations(folder.metrics())) {
      series.points.push_back(
          {static_cast<double>(evaluation.epoch), evaluation.metrics.value(record.metric())});
    }
    if (!series.points.empty()) plot.series.push_back(std::move(series));
  }
  return plot;
}

/// That of the first run which says.
std::vector<std::pair<std::string, std::string>> environment_of(const StudyRecord& record) {
  for (const StudyCell& cell : record.cells) {
    for (const StudyRun& run : cell.runs) {
      auto environment = read_environment(RunFolder{record.path / run.folder}.environment());
      if (!run.folder.empty() && !environment.empty()) return environment;
    }
  }
  return {};
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
  const PlotAxis across(plots.front().x, x), up(plots.front().y, y);
  for (Plot& plot : plots) {
    plot.x.low = across.low();
    plot.x.high = across.high();
    plot.y.low = up.low();
    plot.y.high = up.high();
  }
}

}  // namespace

Unit unit_of(const std::string& metric) {
  return named_metric(metric, 0.0).smaller_is_better ? Unit::kPlain : Unit::kPercent;
}

std::string estimate_text(const Estimate& estimate, Unit unit) {
  if (!std::isfinite(estimate.mean)) return "–";
  const bool percent = unit == Unit::kPercent;
  const double factor = percent ? 100.0 : 1.0;
  const int digits = percent ? 2 : 4;
  std::string text = fmt::format("{:.{}f}", factor * estimate.mean, digits);
  if (estimate.half_width) {
    text += fmt::format(" ± {:.{}f}", factor * *estimate.half_width, digits);
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
  if (difference.half_width) {
    text += fmt::format(" ± {:.{}f}", factor * *difference.half_width, digits);
  }
  return text + (percent ? " points" : "");
}

Section table_section(const StudyRecord& record) {
  Section section{
      "table",
      "All metrics",
      fmt::format("Means over {} {} with 95\u00a0% intervals, not corrected for the number of "
                  "comparisons. Differences are to the baseline, in {}, paired by seed; p is "
                  "corrected (Holm). A click on a head sorts.",
                  record.seeds.size(), record.seeds.size() == 1 ? "seed" : "seeds",
                  title_of_metric(record.metric())),
      {}};
  Table table{axis_heads(record), {}, true};
  for (const std::string& metric : record.metrics) {
    table.heads.push_back(sentence_case(title_of_metric(metric)));
    if (metric == record.metric()) table.heads.emplace_back("Difference");
  }
  table.heads.emplace_back("Runs");
  for (const StudyCell& cell : record.cells) {
    std::vector<Cell> row = axis_cells(record, cell);
    for (const std::string& metric : record.metrics) {
      row.push_back(estimate_cell(cell, metric));
      if (metric == record.metric()) row.push_back(difference_cell(cell, metric));
    }
    const std::size_t done = cell.runs_in(RunStatus::kDone);
    row.emplace_back(fmt::format("{} of {}", done, cell.runs.size()), static_cast<double>(done));
    table.rows.push_back(std::move(row));
  }
  add_table(section.body, table);
  return section;
}

Section costs_section(const StudyRecord& record) {
  Section section{
      "costs",
      "Costs",
      "Alone: each cell measured by itself for a few steps, and the time of all updates "
      "at that speed. In runs: what the runs reached beside whatever else the machine "
      "did. Without tests. MACs are multiply-adds of one image's forward pass.",
      {}};
  Table table{axis_heads(record), {}, true};
  table.heads.insert(table.heads.end(), {"Parameters", "MACs", "Images/s alone", "Time alone",
                                         "Images/s in runs", "Time in runs", "Memory"});
  const auto count = [](double value) { return Cell(number_text(value, Unit::kCount, 3), value); };
  const auto time = [](double value) { return Cell(duration_with_unit(value), value); };
  for (const StudyCell& cell : record.cells) {
    std::vector<Cell> row = axis_cells(record, cell);
    const std::string memory = std::isfinite(cell.peak_memory_mb)
                                   ? fmt::format("{:.0f}\u00a0MB", cell.peak_memory_mb)
                                   : "–";
    row.insert(row.end(), {count(cell.parameters), count(cell.macs), count(cell.images_per_s_alone),
                           time(cell.train_seconds_alone), count(cell.images_per_s),
                           time(cell.train_seconds), Cell(memory, cell.peak_memory_mb)});
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
                  sentence_case(title_of_metric(record.metric())) +
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
  const bool matched = std::any_of(record.cells.begin(), record.cells.end(),
                                   [](const StudyCell& cell) { return !cell.matched.empty(); });
  Table table{{"Cell", "Seed", "State", "Folder"}, {}, true};
  if (matched) table.heads.emplace_back("Made equal");
  for (const StudyCell& cell : record.cells) {
    for (const StudyRun& run : cell.runs) {
      table.rows.push_back(
          {short_name(record, cell), Cell(fmt::to_string(run.seed), static_cast<double>(run.seed)),
           run.error.empty() ? std::string(to_string(run.status))
                             : fmt::format("{}: {}", to_string(run.status), run.error),
           run.folder.empty() ? "–" : run.folder});
      if (!matched) continue;
      const std::string changes = fmt::format("{}", fmt::join(cell.matched, ", "));
      table.rows.back().emplace_back(changes.empty() ? "–" : changes);
    }
  }
  add_table(section.body, table);
  if (const auto machine = environment_of(record); !machine.empty()) {
    section.body.element("h3", "Where they ran");
    add_pairs(section.body, machine);
  }
  return section;
}

}  // namespace tessera::report
