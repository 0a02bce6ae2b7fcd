// What a study's `results.json` says (docs/studies.md), as far as its report shows it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/run_result.h"
#include "study/statistics.h"

namespace tessera {

struct MetricSummary {
  Estimate value;
  std::optional<Estimate> difference;  ///< to the baseline, paired by seed
};

struct StudyRun {
  std::int64_t seed = 0;
  std::string folder;  ///< seen from the study's
  RunStatus status = RunStatus::kUnfinished;
  std::string error;
};

struct StudyCell {
  std::string name;
  std::string baseline;                       ///< name of the cell it is compared with
  std::map<std::string, std::string> labels;  ///< by axis
  std::vector<std::string> matched;           ///< `model.embed_dim 64 → 36`
  bool same_as_baseline = false;              ///< its runs are those of the baseline
  double parameters = 0.0, macs = 0.0;
  double images_per_s = 0.0, train_seconds = 0.0, peak_memory_mb = 0.0;  ///< NaN: no run yet
  double images_per_s_alone = 0.0, train_seconds_alone = 0.0;            ///< NaN: not measured
  std::vector<StudyRun> runs;
  std::map<std::string, MetricSummary> summary;  ///< by the name of the metric

  bool is_baseline() const { return baseline == name; }
  std::size_t runs_in(RunStatus status) const;
};

struct StudyAxis {
  std::string name;
  std::vector<std::string> values;
};

struct StudyRecord {
  std::string name;
  std::filesystem::path path;
  std::string match;
  std::vector<StudyAxis> axes;
  std::vector<std::int64_t> seeds;
  std::vector<std::vector<std::int64_t>> added_seeds;  ///< of `seeds`: see Study::added
  double interval = 0.0;                               ///< see Study::interval
  std::vector<std::string> metrics;                    ///< the first one first
  std::vector<StudyCell> cells;

  const std::string& metric() const { return metrics.front(); }

  /// Whether figures of the test split are among `metrics`.
  bool has_test() const;

  /// Whether a difference, as compared with all others and after so many looks at results, is more
  /// than chance at the level of 5 %.
  bool shows(const Estimate& difference) const;
  std::size_t runs_in(RunStatus status) const;
  std::size_t runs() const;
};

/// The name of `cell` in charts: bundles of settings go by their own names, without that of their
/// axis.
std::string short_name(const StudyRecord& record, const StudyCell& cell);

/// True if `path` is the folder of a study with results.
bool is_study(const std::filesystem::path& path);

/// Throws DataError if the file is damaged or not such a file.
StudyRecord read_study_record(const std::filesystem::path& path);

}  // namespace tessera
