// The runs below a folder, and what tells them apart.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tasks/metric.h"
#include "train/run_state.h"

namespace tessera {

struct ListedRun {
  std::string name;  ///< of its folder, seen from where the list begins
  StatusRecord status;
  std::int64_t epoch = 0;  ///< that was validated last
  std::int64_t epochs = 0;
  std::optional<Metric> best;  ///< of the validation, as train.best_by says
  std::int64_t best_epoch = 0;
  double lowest_loss = 0.0;                   ///< of the validation; NaN before the first
  double train_seconds = 0.0;                 ///< up to the last validation, without any
  std::map<std::string, std::string> values;  ///< of its configuration by key, YAML
  std::string problem;                        ///< why its files cannot be read
};

/// Every run in `folder` and the folders in it, cells of studies included, by name; or `folder`
/// alone if it is a run's. Throws CheckpointError if there is no such folder.
std::vector<ListedRun> list_runs(const std::filesystem::path& folder);

/// The keys that do not have the same value in all runs, in the order of the configuration.
/// `train.out` is not one of them.
std::vector<std::string> differing_keys(const std::vector<ListedRun>& runs);

}  // namespace tessera
