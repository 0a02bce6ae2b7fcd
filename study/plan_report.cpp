#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "study/output.h"
#include "study/text_table.h"
#include "train/readable.h"

namespace tessera {
namespace {

std::string stages_text(const ModelPlan& plan) {
  std::vector<std::string> stages;
  for (const StagePlan& stage : plan.stages) {
    stages.push_back(fmt::format("{}x{}x{}", stage.map[0], stage.map[1], stage.channels));
  }
  return fmt::format("{}", fmt::join(stages, " > "));
}

std::size_t done_runs(const CellResult& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.runs.begin(), cell.runs.end(),
                    [](const RunResult& run) { return run.status == RunStatus::kDone; }));
}

std::string header(const StudyResults& results) {
  const Study& study = results.study;
  const std::size_t cells = results.cells.size();
  std::vector<std::string> metrics;
  for (const std::string& metric : study.metrics) metrics.push_back(metric);
  return fmt::format("{}: {} cell{} x {} seed{} = {} runs; match {}; metrics {}\n", study.name,
                     cells, cells == 1 ? "" : "s", study.seeds.size(),
                     study.seeds.size() == 1 ? "" : "s", cells * study.seeds.size(),
                     to_string(study.match), fmt::join(metrics, ", "));
}

TextTable plan_table(const StudyResults& results) {
  TextTable table;
  for (const std::string& title : axis_titles(results.study)) {
    table.add_column(title, TextTable::Align::kLeft);
  }
  table.add_column("stages, tokens x channels", TextTable::Align::kLeft);
  for (const char* title : {"parameters", "MMACs", "memory", "updates", "expected", "done"}) {
    table.add_column(title);
  }
  for (const CellResult& cell : results.cells) {
    std::vector<std::string> row = cell.cell.labels;
    row.push_back(stages_text(cell.plan.model));
    row.push_back(fmt::format("{}", cell.plan.parameters));
    row.push_back(fmt::format("{:.2f}", 1e-6 * static_cast<double>(cell.plan.macs)));
    row.push_back(
        fmt::format("{:.0f} MB", static_cast<double>(cell.plan.predicted_bytes) / 1048576.0));
    row.push_back(fmt::format("{}", cell.plan.length.total_steps));
    row.push_back(cell.speed ? duration_text(run_seconds(cell.cell.config, cell.plan, *cell.speed))
                             : "-");
    row.push_back(fmt::format("{}/{}", done_runs(cell), cell.runs.size()));
    table.add_row(std::move(row));
  }
  return table;
}

/// What a match makes equal, of one run.
double matched_cost(Match match, const CellResult& cell) {
  const auto updates = static_cast<double>(cell.plan.length.total_steps);
  const DataConfig& data = cell.cell.config.data;
  const double images = updates * static_cast<double>(data.batch_size * data.accumulate);
  switch (match) {
    case Match::kMacs:
      return static_cast<double>(cell.plan.macs);
    case Match::kParams:
      return static_cast<double>(cell.plan.parameters);
    case Match::kTokens:
      return images *
             static_cast<double>(cell.plan.model.embed.map[0] * cell.plan.model.embed.map[1]);
    case Match::kTime:
      return cell.speed ? images / cell.speed->train_images_per_s : 0.0;
    case Match::kNone:
      break;
  }
  return 0.0;
}

std::string match_lines(const StudyResults& results) {
  const Match match = results.study.match;
  std::string text;
  for (const CellResult& cell : results.cells) {
    const CellResult& baseline = results.cells[cell.cell.baseline];
    for (const Change& change : cell.cell.changes) {
      text += fmt::format("  {}: {} {} -> {}; {:.1f} % of the baseline's {}\n", cell.cell.name,
                          change.key, change.before, change.after,
                          100.0 * matched_cost(match, cell) / matched_cost(match, baseline),
                          to_string(match));
    }
  }
  if (match == Match::kNone || text.empty()) return "";
  return fmt::format("\nMatched by {}:\n{}", to_string(match), text);
}

/// Cells that are the runs of their baseline, so that comparing them says nothing.
std::string same_lines(const StudyResults& results) {
  std::string text;
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    if (!is_same_as_baseline(results, i)) continue;
    const Cell& cell = results.cells[i].cell;
    text += fmt::format("\n{} is the same run as its baseline, {}{}: there is nothing to compare\n",
                        cell.name, results.cells[cell.baseline].cell.name,
                        results.study.match == Match::kNone
                            ? ""
                            : fmt::format(", once matched by {}", to_string(results.study.match)));
  }
  return text;
}

/// Cells that this machine has not the memory for.
std::string memory_lines(const StudyResults& results) {
  const double machine =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  std::string text;
  for (const CellResult& cell : results.cells) {
    const auto needed = static_cast<double>(cell.plan.predicted_bytes);
    if (needed <= machine) continue;
    text += fmt::format("\n{} needs {:.0f} MB, this machine has {:.0f}: lower data.batch_size\n",
                        cell.cell.name, needed / 1048576.0, machine / 1048576.0);
  }
  return text;
}

/// Cells whose patches do not divide the image.
std::string unseen_lines(const StudyResults& results) {
  std::string text;
  for (const CellResult& cell : results.cells) {
    const Size2 unused = cell.plan.model.embed.unused_pixels;
    if (unused == Size2{0, 0}) continue;
    text += fmt::format(
        "\n{}: model.patch_size does not divide model.image_size: {} rows and {} columns at the "
        "edge of every image are not seen\n",
        cell.cell.name, unused[0], unused[1]);
  }
  return text;
}

std::string rest_line(const StudyResults& results) {
  const std::optional<double> rest = expected_rest(results);
  if (!rest) {
    return "\nExpected times were not measured.\n";
  }
  return fmt::format(
      "\nExpected: {} for what is not done, tests included; speeds by the median of three steps, "
      "each cell alone on this machine.\n",
      duration_text(*rest));
}

}  // namespace

std::optional<double> expected_rest(const StudyResults& results) {
  double seconds = 0.0;
  for (const CellResult& cell : results.cells) {
    if (!cell.speed) return std::nullopt;
    seconds += static_cast<double>(cell.runs.size() - done_runs(cell)) *
               run_seconds(cell.cell.config, cell.plan, *cell.speed);
  }
  return seconds;
}

std::string plan_report(const StudyResults& results) {
  std::string baselines;
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    if (!results.is_baseline(i)) continue;
    baselines += (baselines.empty() ? "" : "; ") + results.cells[i].cell.name;
  }
  return fmt::format("{}\n{}\nCompared with: {}\n{}{}{}{}{}", header(results),
                     plan_table(results).plain(), baselines, match_lines(results),
                     same_lines(results), memory_lines(results), unseen_lines(results),
                     rest_line(results));
}

}  // namespace tessera
