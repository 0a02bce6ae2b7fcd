#include "study/results.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace tessera {

namespace {

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

/// Over the images, of the mean of some runs less that of others: see Estimate.
struct ImageError {
  double error = 0.0;  ///< 0: not known
  std::optional<double> floor{};
};

/// The part of the error's square that comes from each run answering an image in its own way.
double noise_of(const Answers& own, const Answers& less) {
  const std::size_t images = own.front().size();
  const auto runs = static_cast<double>(own.size());
  double variance = 0.0;
  for (std::size_t i = 0; i < images; ++i) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t s = 0; s < own.size(); ++s) {
      const double value =
          (own[s][i] == '1' ? 1.0 : 0.0) - (!less.empty() && less[s][i] == '1' ? 1.0 : 0.0);
      sum += value;
      squares += value * value;
    }
    variance += (squares - sum * sum / runs) / (runs - 1.0);
  }
  return variance / static_cast<double>(images) / static_cast<double>(images) / runs;
}

ImageError image_error(const Answers& own, const Answers& less) {
  std::vector<double> means;
  const auto share = [](const Answers& answers) {
    return 1.0 / static_cast<double>(std::max<std::size_t>(1, answers.size()));
  };
  if (!add_answers(own, share(own), means) || !add_answers(less, -share(less), means)) return {};
  ImageError error{.error = standard_error(means)};
  if (own.size() > 1 && (less.empty() || less.size() == own.size())) {
    error.floor = std::sqrt(std::max(0.0, error.error * error.error - noise_of(own, less)));
  }
  return error;
}

Estimate estimate_of(const std::vector<double>& values, const ImageError& images) {
  return estimate(values, images.error, images.floor);
}

/// Nothing where the run is not done, or is not tested yet.
const Metric* figure_of(const RunResult& run, const std::string& metric) {
  return run.last ? run.last->metrics.find(metric) : nullptr;
}

/// Empty for a figure that does not count images, and where they were not kept.
std::string_view answers_of(const RunResult& run, const std::string& metric) {
  const auto found = run.right.find(metric);
  return found == run.right.end() ? std::string_view() : found->second;
}

/// Each fold has images of its own, but for those of the test split, of which `shared` is the
/// error.
Estimate estimate_of_folds(const std::vector<Estimate>& folds,
                           const std::optional<ImageError>& shared = std::nullopt) {
  std::vector<double> values;
  double squares = 0.0;
  for (const Estimate& fold : folds) {
    if (fold.n == 0) continue;
    values.push_back(fold.mean);
    squares += fold.image_error * fold.image_error;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, values.size()));
  return estimate_of(values, shared.value_or(ImageError{.error = std::sqrt(squares) / count}));
}

/// Appends the answers of all runs of a cell that have the figure.
void append_answers(const CellResult& cell, const std::string& metric, Answers& answers) {
  for (const RunResult& run : cell.runs) {
    if (figure_of(run, metric) != nullptr) answers.push_back(answers_of(run, metric));
  }
}

}  // namespace

bool is_complete(const Study& study, const RunResult& run) {
  return run.status == RunStatus::kDone && (!study.test || run.test);
}

Estimate mean_of(const CellResult& cell, const std::string& metric) {
  std::vector<double> values;
  Answers answers;
  for (const RunResult& run : cell.runs) {
    const Metric* value = figure_of(run, metric);
    if (value == nullptr) continue;
    values.push_back(value->value);
    answers.push_back(answers_of(run, metric));
  }
  return estimate_of(values, image_error(answers, {}));
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
    const Metric* value = figure_of(own.runs[s], metric);
    const Metric* base = figure_of(baseline.runs[s], metric);
    if (value == nullptr || base == nullptr) continue;
    values.push_back(value->value - base->value);
    answers.push_back(answers_of(own.runs[s], metric));
    less.push_back(answers_of(baseline.runs[s], metric));
  }
  return estimate_of(values, image_error(answers, less));
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
  Answers answers;
  for (const std::size_t cell : folds.cells) {
    means.push_back(mean_of(results.cells[cell], metric));
    append_answers(results.cells[cell], metric, answers);
  }
  if (!is_test_metric(metric)) return estimate_of_folds(means);
  return estimate_of_folds(means, image_error(answers, {}));
}

std::optional<Estimate> difference_of(const StudyResults& results, const Folds& folds,
                                      const std::string& metric) {
  std::vector<Estimate> differences;
  Answers answers, less;
  for (const std::size_t cell : folds.cells) {
    const std::size_t baseline = results.cells[cell].cell.baseline;
    const bool is_inside =
        std::find(folds.cells.begin(), folds.cells.end(), baseline) != folds.cells.end();
    if (is_inside) return std::nullopt;  // itself, or another fold
    const auto difference = difference_of(results, cell, metric);
    if (!difference) return std::nullopt;
    differences.push_back(*difference);
    append_answers(results.cells[cell], metric, answers);
    append_answers(results.cells[baseline], metric, less);
  }
  if (!is_test_metric(metric)) return estimate_of_folds(differences);
  return estimate_of_folds(differences, image_error(answers, less));
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
