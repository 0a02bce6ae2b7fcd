#include "report/mean_curve.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "train/config/config.h"
#include "train/metrics_file.h"
#include "train/run_folder.h"

namespace tessera::report {
namespace {

/// Images of an update; NaN if the run's configuration cannot be read.
double images_per_update(const RunFolder& folder) {
  try {
    const DataConfig data = load_config(folder.config()).data;
    return static_cast<double>(data.batch_size * data.accumulate);
  } catch (const Error&) {
    return std::nan("");
  }
}

/// By update.
std::map<std::int64_t, Standing> standings_of(const StudyRecord& record, const StudyRun& run) {
  const RunFolder folder{record.path / run.folder};
  std::map<std::int64_t, double> speeds;  // since the evaluation before
  for (const TimingRecord& timing : read_timing(folder.timing())) {
    speeds[timing.step] = timing.images_per_s;
  }
  const double batch = images_per_update(folder);
  std::map<std::int64_t, Standing> standings;
  double seconds = 0.0;
  std::int64_t before = 0;
  for (const EvaluationRecord& evaluation : read_evaluations(folder.metrics())) {
    const auto speed = speeds.find(evaluation.step);
    seconds += speed == speeds.end() || speed->second <= 0.0
                   ? std::nan("")
                   : batch * static_cast<double>(evaluation.step - before) / speed->second;
    before = evaluation.step;
    standings[evaluation.step] = {static_cast<double>(evaluation.epoch),
                                  batch * static_cast<double>(evaluation.step), seconds,
                                  evaluation.metrics.value(curve_metric(record))};
  }
  return standings;
}

}  // namespace

std::string curve_metric(const StudyRecord& record) {
  const std::string& metric = record.metric();
  return is_test_metric(metric) ? "val" + metric.substr(metric.rfind('/')) : metric;
}

MeanCurve mean_curve(const StudyRecord& record, const StudyCell& cell) {
  const bool any_done = cell.runs_in(RunStatus::kDone) > 0;
  std::map<std::int64_t, std::vector<Standing>> all;
  std::size_t runs = 0;
  for (const StudyRun& run : cell.runs) {
    if (run.folder.empty() || (any_done && run.status != RunStatus::kDone)) continue;
    const std::map<std::int64_t, Standing> own = standings_of(record, run);
    runs += own.empty() ? 0 : 1;
    for (const auto& [step, standing] : own) all[step].push_back(standing);
  }
  MeanCurve curve;
  for (const auto& [step, standings] : all) {
    if (standings.size() < runs) continue;
    Standing mean;
    Span span{standings.front().value, standings.front().value};
    for (const Standing& one : standings) {
      const double share = 1.0 / static_cast<double>(runs);
      mean.epoch += share * one.epoch;
      mean.images += share * one.images;
      mean.seconds += share * one.seconds;
      mean.value += share * one.value;
      span = {std::min(span.low, one.value), std::max(span.high, one.value)};
    }
    if (!std::isfinite(mean.value)) continue;
    curve.means.push_back(mean);
    curve.spread.push_back(span);
  }
  return curve;
}

}  // namespace tessera::report
