#include "cli/run_list.h"

#include <algorithm>
#include <limits>
#include <system_error>

#include "core/error.h"
#include "train/config/config.h"
#include "train/config/schema.h"
#include "train/metrics_file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> values_of(Config config) {
  config.train.out = TrainConfig{}.out;
  std::map<std::string, std::string> values;
  for (const Key& key : schema_of(config).keys) values[key.path] = key.write();
  return values;
}

void add_records(const RunFolder& folder, const std::string& best_by, ListedRun& run) {
  BestEvaluation best(best_by);
  for (const EvaluationRecord& record : read_evaluations(folder.metrics())) {
    run.epoch = record.epoch;
    best.add(record);
    const double loss = record.metrics.value("val/loss");
    if (!(run.lowest_loss <= loss)) run.lowest_loss = loss;
  }
  if (best.best()) {
    run.best = named_metric(best_by, best.measure(*best.best()));
    run.best_epoch = best.best()->epoch;
  }
  for (const TimingRecord& record : read_timing(folder.timing())) {
    run.train_seconds += record.seconds;
  }
}

ListedRun listed_run(const fs::path& path, std::string name) {
  const RunFolder folder{path};
  ListedRun run;
  run.name = std::move(name);
  run.lowest_loss = std::numeric_limits<double>::quiet_NaN();
  std::string best_by = TrainConfig{}.best_by;
  try {
    const Config config = load_config(folder.config());
    best_by = config.train.best_by;
    run.epochs = config.train.epochs;
    run.values = values_of(config);
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    run.problem = text.substr(0, text.find('\n'));
  }
  try {
    run.status = read_status(folder);
    add_records(folder, best_by, run);
  } catch (const CheckpointError& error) {  // one run that cannot be read hides no other
    run.problem = error.what();
  }
  return run;
}

}  // namespace

std::vector<ListedRun> list_runs(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail<CheckpointError>("{}: is no folder; tessera train makes runs in runs/", folder.string());
  }
  const auto is_run = [](const fs::path& path) {
    std::error_code missing;
    return fs::is_regular_file(RunFolder{path}.config(), missing);
  };
  if (is_run(folder)) return {listed_run(folder, fs::canonical(folder).filename().string())};
  std::vector<ListedRun> runs;
  constexpr auto kOptions = fs::directory_options::skip_permission_denied;
  for (auto entry = fs::recursive_directory_iterator(folder, kOptions, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (!entry->is_directory(gone) || !is_run(entry->path())) continue;
    entry.disable_recursion_pending();
    runs.push_back(listed_run(entry->path(), entry->path().lexically_relative(folder).string()));
  }
  std::sort(runs.begin(), runs.end(),
            [](const ListedRun& a, const ListedRun& b) { return a.name < b.name; });
  return runs;
}

std::vector<std::string> differing_keys(const std::vector<ListedRun>& runs) {
  std::vector<std::string> keys;
  Config config;
  for (const Key& key : schema_of(config).keys) {
    const std::string* first = nullptr;
    bool differs = false;
    for (const ListedRun& run : runs) {
      const auto found = run.values.find(key.path);
      if (found == run.values.end()) continue;
      if (first == nullptr) first = &found->second;
      differs |= found->second != *first;
    }
    if (differs) keys.push_back(key.path);
  }
  return keys;
}

}  // namespace tessera
