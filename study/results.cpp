#include "study/results.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace tessera {

namespace {

constexpr std::string_view kAnswered = "val/top1";  // of which `right` knows each image

using Answers = std::vector<std::string_view>;

/// Adds `factor` to each image that a run answers rightly; false if an answer is missing.
bool add_answers(const Answers& answers, double factor, std::vector<double>& sums) {
  for (const std::string_view right : answers) {
    if (right.empty() || (!sums.empty() && right.size() != sums.size())) return false;
    sums.resize(right.size());
    for (std::size_t i = 0; i < right.size(); ++i) {
      if (right[i] == '-') return false;
      if (right[i] == '1') sums[i] += factor;
    }
  }
  return true;
}

/// Standard error, over the images, of the mean of some runs less that of others; 0: not known.
double image_error(const Answers& own, const Answers& less) {
  std::vector<double> means;
  const auto share = [](const Answers& answers) {
    return 1.0 / static_cast<double>(std::max<std::size_t>(1, answers.size()));
  };
  if (!add_answers(own, share(own), means) || !add_answers(less, -share(less), means)) return 0.0;
  return standard_error(means);
}

/// Each fold has images of its own.
Estimate estimate_of_folds(const std::vector<Estimate>& folds) {
  std::vector<double> values;
  double squares = 0.0;
  for (const Estimate& fold : folds) {
    if (fold.n == 0) continue;
    values.push_back(fold.mean);
    squares += fold.image_error * fold.image_error;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, values.size()));
  return estimate(values, std::sqrt(squares) / count);
}

}  // namespace

Estimate mean_of(const CellResult& cell, const std::string& metric) {
  std::vector<double> values;
  Answers answers;
  for (const RunResult& run : cell.runs) {
    if (!run.last) continue;
    values.push_back(run.last->metrics.value(metric));
    answers.push_back(run.right);
  }
  return estimate(values, metric == kAnswered ? image_error(answers, {}) : 0.0);
}

bool is_same_as_baseline(const StudyResults& results, std::size_t cell) {
  const CellResult& own = results.cells[cell];
  return !results.is_baseline(cell) && !own.identity.empty() &&
         own.identity == results.cells[own.cell.baseline].identity;
}

double updates_of(const CellResult& cell) {
  std::vector<double> updates;
  for (const RunResult& run : cell.runs) {
    if (run.status == RunStatus::kDone) updates.push_back(static_cast<double>(run.updates));
  }
  return updates.empty() ? static_cast<double>(cell.plan.length.total_steps)
                         : estimate(updates).mean;
}

double seconds_alone(const CellResult& cell, const CellSpeed& speed) {
  return training_seconds(cell.cell.config, cell.plan, speed) * updates_of(cell) /
         static_cast<double>(cell.plan.length.total_steps);
}

std::optional<Estimate> difference_of(const StudyResults& results, std::size_t cell,
                                      const std::string& metric) {
  if (results.is_baseline(cell) || is_same_as_baseline(results, cell)) return std::nullopt;
  const CellResult& own = results.cells[cell];
  const CellResult& baseline = results.cells[own.cell.baseline];
  if (own.cell.config.data.fold != baseline.cell.config.data.fold) return std::nullopt;
  std::vector<double> values;
  Answers answers, less;
  for (std::size_t s = 0; s < own.runs.size(); ++s) {
    if (!own.runs[s].last || !baseline.runs[s].last) continue;
    values.push_back(own.runs[s].last->metrics.value(metric) -
                     baseline.runs[s].last->metrics.value(metric));
    answers.push_back(own.runs[s].right);
    less.push_back(baseline.runs[s].right);
  }
  return estimate(values, metric == kAnswered ? image_error(answers, less) : 0.0);
}

std::vector<std::optional<Estimate>> differences_of(const StudyResults& results,
                                                    const std::string& metric) {
  std::vector<std::optional<Estimate>> differences;
  std::vector<std::size_t> compared;
  std::vector<double> p;
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    differences.push_back(difference_of(results, i, metric));
    if (!differences[i] || !differences[i]->p) continue;
    compared.push_back(i);
    p.push_back(*differences[i]->p);
  }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t k = 0; k < compared.size(); ++k) {
    differences[compared[k]]->p_holm = adjusted[k];
  }
  return differences;
}

std::vector<Folds> folds_of(const StudyResults& results) {
  const std::vector<Axis>& axes = results.study.axes;
  const auto axis =
      std::find_if(axes.begin(), axes.end(), [](const Axis& a) { return a.name == "data.fold"; });
  if (axis == axes.end()) return {};
  std::vector<Folds> all;
  for (std::size_t i = 0; i < results.cells.size(); ++i) {
    std::vector<std::string> labels = results.cells[i].cell.labels;
    labels.erase(labels.begin() + (axis - axes.begin()));
    auto same = std::find_if(all.begin(), all.end(),
                             [&](const Folds& folds) { return folds.labels == labels; });
    if (same == all.end()) same = all.insert(all.end(), Folds{std::move(labels), {}});
    same->cells.push_back(i);
  }
  return all;
}

Estimate mean_of(const StudyResults& results, const Folds& folds, const std::string& metric) {
  std::vector<Estimate> means;
  for (const std::size_t cell : folds.cells) means.push_back(mean_of(results.cells[cell], metric));
  return estimate_of_folds(means);
}

std::optional<Estimate> difference_of(const StudyResults& results, const Folds& folds,
                                      const std::string& metric) {
  std::vector<Estimate> differences;
  for (const std::size_t cell : folds.cells) {
    const std::size_t baseline = results.cells[cell].cell.baseline;
    const bool is_inside =
        std::find(folds.cells.begin(), folds.cells.end(), baseline) != folds.cells.end();
    if (is_inside) return std::nullopt;  // itself, or another fold
    const auto difference = difference_of(results, cell, metric);
    if (!difference) return std::nullopt;
    differences.push_back(*difference);
  }
  return estimate_of_folds(differences);
}

std::optional<RunTiming> timing_of(const CellResult& cell) {
  RunTiming sum;
  int runs = 0;
  for (const RunResult& run : cell.runs) {
    if (!run.timing) continue;
    ++runs;
    sum.images_per_s += run.timing->images_per_s;
    sum.train_seconds += run.timing->train_seconds;
    sum.peak_memory_mb = std::max(sum.peak_memory_mb, run.timing->peak_memory_mb);
  }
  if (runs == 0) return std::nullopt;
  sum.images_per_s /= runs;
  sum.train_seconds /= runs;
  return sum;
}

}  // namespace tessera
