#include "report/study_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "report/run_record.h"
#include "study/result_notes.h"
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

/// About how many seeds; sorts with those that no number of them is enough for at the end.
Cell seeds_cell(const Estimate& difference, const std::optional<std::int64_t>& count) {
  if (count) return {fmt::to_string(*count), static_cast<double>(*count)};
  return {difference.image_error > 0.0 ? "more images" : "> 1000", 1e9};
}

/// What a comparison of the first metric would take: to be shown, and for the wanted interval.
std::vector<Cell> seeds_cells(const StudyRecord& record, const StudyCell& cell) {
  const auto found = cell.summary.find(record.metric());
  const bool known = !cell.is_baseline() && !cell.same_as_baseline && found != cell.summary.end() &&
                     found->second.difference && found->second.difference->half_width;
  std::vector<Cell> cells(record.interval > 0.0 ? 2 : 1, Cell("–", std::nan("")));
  if (!known) return cells;
  const Estimate& difference = *found->second.difference;
  cells.front() = difference.excludes_zero()
                      ? Cell("enough", 0.0)
                      : seeds_cell(difference, repetitions_to_show(difference));
  if (record.interval > 0.0) {
    const bool percent = unit_of(record.metric()) == Unit::kPercent;
    cells.back() = seeds_cell(
        difference, repetitions_for(difference, (percent ? 0.01 : 1.0) * record.interval));
  }
  return cells;
}

/// What to know of the columns that not every study has.
std::string notes_of(const StudyRecord& record) {
  std::string text =
      "Seeds to show it: about so many would show a difference of the size that was found, if "
      "they "
      "spread as these do and there were no other comparisons";
  if (record.interval > 0.0) {
    text += fmt::format("; seeds for ± {:g}: so many would make its interval that narrow",
                        record.interval);
  }
  text += ". From few seeds both are rough guesses.";
  return record.has_test() ? text + ' ' + kTestNote : text;
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
    if (metric != record.metric()) continue;
    table.heads.insert(table.heads.end(), {"Difference", "Seeds to show it"});
    if (record.interval > 0.0) {
      table.heads.push_back(fmt::format("Seeds for ± {:g}", record.interval));
    }
  }
  table.heads.emplace_back("Runs");
  for (const StudyCell& cell : record.cells) {
    std::vector<Cell> row = axis_cells(record, cell);
    for (const std::string& metric : record.metrics) {
      row.push_back(estimate_cell(cell, metric));
      if (metric != record.metric()) continue;
      row.push_back(difference_cell(cell, metric));
      for (Cell& seeds : seeds_cells(record, cell)) row.push_back(std::move(seeds));
    }
    const std::size_t done = cell.runs_in(RunStatus::kDone);
    row.emplace_back(fmt::format("{} of {}", done, cell.runs.size()), static_cast<double>(done));
    table.rows.push_back(std::move(row));
  }
  add_table(section.body, table);
  section.body.element("p", {{"class", "lead"}}, notes_of(record));
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
