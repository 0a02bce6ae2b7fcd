#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "study/output.h"
#include "study/result_notes.h"
#include "study/statistics.h"
#include "study/text_table.h"
#include "train/readable.h"

namespace tessera {
namespace {

bool is_share(const std::string& metric) {
  return named_metric(metric, 0.0).format == MetricFormat::kShare;
}

std::string title_of(const std::string& metric) {
  return fmt::format("{}{}", title_of_metric(metric), is_share(metric) ? ", %" : "");
}

/// `89.17 ± 0.31`; the sign always with `signed_mean`.
std::string text_of(const Estimate& value, const std::string& metric, bool signed_mean) {
  if (value.n == 0) return "-";
  const double scale = is_share(metric) ? 100.0 : 1.0;
  const int digits = is_share(metric) ? 2 : 4;
  const double mean = scale * value.mean;
  std::string text =
      signed_mean ? fmt::format("{:+.{}f}", mean, digits) : fmt::format("{:.{}f}", mean, digits);
  if (value.half_width) text += fmt::format(" ± {:.{}f}", scale * *value.half_width, digits);
  return text;
}

std::string difference_text(const StudyResults& results, std::size_t cell,
                            const std::optional<Estimate>& difference, const std::string& metric,
                            const char* mark) {
  if (is_same_as_baseline(results, cell)) return "same runs";
  if (!difference) return "-";
  std::string text = text_of(*difference, metric, true);
  if (difference->excludes_zero()) text = mark + text + mark;
  return difference->p_holm ? text + ", " + p_text(*difference->p_holm) : text;
}

std::string changes_text(const Cell& cell) {
  std::vector<std::string> parts;
  for (const Change& change : cell.changes) {
    parts.push_back(
        fmt::format("{} {}", change.key.substr(change.key.rfind('.') + 1), change.after));
  }
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

void add_axis_columns(const StudyResults& results, TextTable& table) {
  for (const std::string& title : axis_titles(results.study)) {
    table.add_column(title, TextTable::Align::kLeft);
  }
  if (results.study.match != Match::kNone) table.add_column("matched", TextTable::Align::kLeft);
}

std::vector<std::string> axis_words(const StudyResults& results, const CellResult& cell) {
  std::vector<std::string> words = cell.cell.labels;
  if (results.study.match != Match::kNone) words.push_back(changes_text(cell.cell));
  return words;
}

void add_metric_columns(const StudyResults& results, TextTable& table) {
  const Study& study = results.study;
  table.add_column("seeds");
  for (const std::string& metric : study.metrics) {
    table.add_column(title_of(metric));
    table.add_column("to baseline");
    if (metric != study.metrics.front() || !tells_seeds(results)) continue;
    table.add_column("seeds to show it");
    if (study.interval > 0.0) table.add_column(fmt::format("seeds for ± {:g}", study.interval));
  }
}

/// About `count` seeds; what it would take instead where no number of them is enough.
std::string seeds_text(const Estimate& difference, const std::optional<std::int64_t>& count) {
  if (count) return fmt::format("{}", *count);
  return difference.image_error > 0.0 ? "more images" : "> 1000";
}

/// What the columns that count seeds say of a comparison of the first metric.
void add_seeds_words(const StudyResults& results, const std::optional<Estimate>& difference,
                     std::vector<std::string>& words) {
  const double wanted = wanted_half_width(results.study);
  if (!difference || !difference->half_width) {
    words.insert(words.end(), wanted > 0.0 ? 2 : 1, "-");
    return;
  }
  words.push_back(difference->excludes_zero()
                      ? "enough"
                      : seeds_text(*difference, repetitions_to_show(*difference)));
  if (wanted > 0.0) {
    words.push_back(seeds_text(*difference, repetitions_for(*difference, wanted)));
  }
}

using Differences = std::vector<std::vector<std::optional<Estimate>>>;  // of metrics, of cells

/// `mark` goes around differences whose interval does not include zero.
void add_metric_words(const StudyResults& results, const Differences& differences, std::size_t cell,
                      const char* mark, std::vector<std::string>& words) {
  const std::vector<std::string>& metrics = results.study.metrics;
  words.push_back(fmt::format("{}", mean_of(results.cells[cell], metrics.front()).n));
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    words.push_back(text_of(mean_of(results.cells[cell], metrics[m]), metrics[m], false));
    words.push_back(results.is_baseline(cell)
                        ? "baseline"
                        : difference_text(results, cell, differences[m][cell], metrics[m], mark));
    if (m == 0 && tells_seeds(results)) add_seeds_words(results, differences[m][cell], words);
  }
}

std::string mmacs(const CellResult& cell) {
  return fmt::format("{:.2f}", 1e-6 * static_cast<double>(cell.plan.macs));
}

/// `4690`, or `1200 of 4690` where runs ended early.
std::string updates_text(const CellResult& cell) {
  const std::int64_t planned = cell.plan.length.total_steps;
  const std::int64_t updates = std::llround(updates_of(cell));
  return updates == planned ? fmt::format("{}", planned)
                            : fmt::format("{} of {}", updates, planned);
}

std::string missing_text(const RunResult& run) {
  if (run.status == RunStatus::kFailed) return "failed: " + run.error;
  if (run.status != RunStatus::kDone) return "not done";
  return "done, but the test split is not read" +
         (run.test_error.empty() ? "" : ": " + run.test_error);
}

/// What is missing, a line a run, each after `bullet`.
std::string missing_runs(const StudyResults& results, const char* bullet) {
  std::string text;
  for (const CellResult& cell : results.cells) {
    for (const RunResult& run : cell.runs) {
      if (is_complete(results.study, run)) continue;
      text +=
          fmt::format("{}{}, seed {}: {}\n", bullet, cell.cell.name, run.seed, missing_text(run));
    }
  }
  return text;
}

constexpr const char* kPageExplanation =
    " Bold: the interval, which is not corrected, does not\n"
    "include zero. MMACs are millions of multiply-adds of one image's forward pass.\n";

constexpr const char* kCostsExplanation =
    "Of training, without tests. \"Alone\" is each cell measured by itself: before training, or "
    "by\n"
    "--measure-again. \"In runs\" is what the runs reached beside all other work on the machine. "
    "Times\n"
    "are those of all updates at the speed to their left; of runs that ended early, of those "
    "made.\n"
    "Memory is the peak of the runs.\n";

TextTable found_table(const StudyResults& results, const char* mark) {
  TextTable table;
  add_axis_columns(results, table);
  add_metric_columns(results, table);
  Differences differences;
  for (const std::string& metric : results.study.metrics) {
    differences.push_back(differences_of(results, metric));
  }
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    std::vector<std::string> words = axis_words(results, results.cells[i]);
    add_metric_words(results, differences, i, mark, words);
    table.add_row(std::move(words));
  }
  return table;
}

/// What the folds of a cross-validation come to; nothing without them.
std::optional<TextTable> folds_table(const StudyResults& results, const char* mark) {
  const std::vector<Folds> all = folds_of(results);
  if (all.empty()) return std::nullopt;
  TextTable table;
  const std::vector<std::string> titles = axis_titles(results.study);
  for (std::size_t i = 0; i < titles.size(); ++i) {
    if (results.study.axes[i].name == "data.fold") continue;
    table.add_column(titles[i], TextTable::Align::kLeft);
  }
  table.add_column("folds");
  for (const std::string& metric : results.study.metrics) {
    table.add_column(title_of(metric));
    table.add_column("to baseline");
  }
  for (const Folds& folds : all) {
    std::vector<std::string> words = folds.labels;
    words.push_back(fmt::format("{}", mean_of(results, folds, results.study.metrics.front()).n));
    for (const std::string& metric : results.study.metrics) {
      words.push_back(text_of(mean_of(results, folds, metric), metric, false));
      const std::optional<Estimate> difference = difference_of(results, folds, metric);
      const std::string text = difference ? text_of(*difference, metric, true) : "-";
      words.push_back(difference && difference->excludes_zero() ? mark + text + mark : text);
    }
    table.add_row(std::move(words));
  }
  return table;
}

constexpr const char* kFoldsExplanation =
    "Means over the folds with 95 % confidence intervals (Student's t); differences are paired by\n"
    "fold. The folds share most of their training images, so the intervals are a little narrow.\n";

TextTable costs_table(const StudyResults& results) {
  TextTable table;
  add_axis_columns(results, table);
  for (const char* title : {"parameters", "MMACs", "updates", "images/s alone", "training",
                            "images/s in runs", "training", "memory"}) {
    table.add_column(title);
  }
  for (const CellResult& cell : results.cells) {
    std::vector<std::string> words = axis_words(results, cell);
    words.push_back(fmt::format("{}", cell.plan.parameters));
    words.push_back(mmacs(cell));
    words.push_back(updates_text(cell));
    const std::optional<CellSpeed>& alone = cell.speed;
    words.push_back(alone ? fmt::format("{:.0f}", alone->train_images_per_s) : "-");
    words.push_back(alone ? duration_text(seconds_alone(cell, *alone)) : "-");
    const std::optional<RunTiming> runs = timing_of(cell);
    words.push_back(runs ? fmt::format("{:.0f}", runs->images_per_s) : "-");
    words.push_back(runs ? duration_text(runs->train_seconds) : "-");
    words.push_back(runs ? fmt::format("{:.0f} MB", runs->peak_memory_mb) : "-");
    table.add_row(std::move(words));
  }
  return table;
}

std::string notes_after_blank(const StudyResults& results) {
  const std::string notes = notes_of(results);
  return notes.empty() ? "" : '\n' + notes;
}

}  // namespace

std::string result_table(const StudyResults& results) {
  const std::string missing = missing_runs(results, "  ");
  const std::optional<TextTable> folds = folds_table(results, "*");
  return fmt::format(
      "{}\n{} Intervals of differences between * do not include zero.\n{}\n{}{}\n{}{}",
      found_table(results, "*").plain(), explanation_of(results), notes_after_blank(results),
      folds ? folds->plain() + "\n" + kFoldsExplanation + "\n" : "", costs_table(results).plain(),
      kCostsExplanation, missing.empty() ? "" : "\nMissing:\n" + missing);
}

std::string result_page(const StudyResults& results) {
  const std::string missing = missing_runs(results, "- ");
  const std::optional<TextTable> folds = folds_table(results, "**");
  return fmt::format(
      "# {}\n\n{}{}{}\n{}{}{}\n## Costs\n\n{}\n{}", results.study.name, explanation_of(results),
      kPageExplanation, notes_after_blank(results), found_table(results, "**").markdown(),
      folds ? fmt::format("\n## All folds\n\n{}\n{}", kFoldsExplanation, folds->markdown()) : "",
      missing.empty() ? "" : "\nMissing:\n\n" + missing, kCostsExplanation,
      costs_table(results).markdown());
}

}  // namespace tessera
