#include "study/results.h"

#include <algorithm>

namespace tessera {

Estimate mean_of(const CellResult& cell, const std::string& metric) {
  std::vector<double> values;
  for (const RunResult& run : cell.runs) {
    if (run.last) values.push_back(run.last->metrics.value(metric));
  }
  return estimate(values);
}

std::optional<Estimate> difference_of(const StudyResults& results, std::size_t cell,
                                      const std::string& metric) {
  if (results.is_baseline(cell)) return std::nullopt;
  const CellResult& own = results.cells[cell];
  const CellResult& baseline = results.cells[own.cell.baseline];
  std::vector<double> values;
  for (std::size_t s = 0; s < own.runs.size(); ++s) {
    if (!own.runs[s].last || !baseline.runs[s].last) continue;
    values.push_back(own.runs[s].last->metrics.value(metric) -
                     baseline.runs[s].last->metrics.value(metric));
  }
  return estimate(values);
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
  std::vector<double> values;
  for (const std::size_t cell : folds.cells) {
    const Estimate mean = mean_of(results.cells[cell], metric);
    if (mean.n > 0) values.push_back(mean.mean);
  }
  return estimate(values);
}

std::optional<Estimate> difference_of(const StudyResults& results, const Folds& folds,
                                      const std::string& metric) {
  std::vector<double> values;
  for (const std::size_t cell : folds.cells) {
    const std::size_t baseline = results.cells[cell].cell.baseline;
    const bool is_inside =
        std::find(folds.cells.begin(), folds.cells.end(), baseline) != folds.cells.end();
    if (is_inside) return std::nullopt;  // itself, or another fold
    if (results.cells[cell].cell.config.data.fold !=
        results.cells[baseline].cell.config.data.fold) {
      return std::nullopt;
    }
    const std::optional<Estimate> difference = difference_of(results, cell, metric);
    if (difference && difference->n > 0) values.push_back(difference->mean);
  }
  return estimate(values);
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
