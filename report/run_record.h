// What a run's folder tells without its weights: configuration, curves, times, machine.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "train/metrics_file.h"
#include "train/run_history.h"
#include "train/train_config.h"

namespace tessera::report {

struct RunRecord {
  std::string name;  ///< of the folder
  std::filesystem::path path;
  Config config;
  std::string config_text;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<HistoryEntry> history;  ///< every start of the run
  std::vector<UpdateRecord> updates;
  std::vector<EvaluationRecord> evaluations;
  std::vector<TimingRecord> timing;

  std::int64_t step() const { return updates.empty() ? 0 : updates.back().step; }
  bool finished() const;

  /// Updates of one epoch; 0 if it is not known yet.
  std::int64_t steps_per_epoch() const;

  double train_seconds() const;
  double images_per_s() const;    ///< in training, over all epochs
  double peak_memory_mb() const;  ///< of training; 0 if it is not known
};

/// The names and values of an `env.json`; nothing if there is none.
std::vector<std::pair<std::string, std::string>> read_environment(
    const std::filesystem::path& path);

/// Reads what is there: a run that goes on, or one that was killed while it wrote a line, is read
/// as far as it goes. Throws CheckpointError if `path` is no run's folder, ConfigError if its
/// configuration cannot be read.
RunRecord read_run_record(const std::filesystem::path& path);

}  // namespace tessera::report
