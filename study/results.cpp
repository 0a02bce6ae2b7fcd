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
