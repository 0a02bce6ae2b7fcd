#include "report/run_record.h"

#include <algorithm>

#include "core/posix.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/run_folder.h"

namespace tessera::report {

std::vector<std::pair<std::string, std::string>> read_environment(
    const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto json = try_parse_json(read_if_there(path).value_or(""));
  if (!json.is_object()) return pairs;
  for (const auto& [name, value] : json.items()) {
    pairs.emplace_back(name, value.is_string() ? value.get<std::string>() : json_text(value));
  }
  return pairs;
}

bool RunRecord::finished() const {
  if (evaluations.empty()) return false;
  const EvaluationRecord& last = evaluations.back();
  return last.epoch >= config.train.epochs ||
         (config.train.max_steps > 0 && last.step >= config.train.max_steps);
}

std::int64_t RunRecord::steps_per_epoch() const {
  const auto second = std::find_if(updates.begin(), updates.end(),
                                   [](const UpdateRecord& update) { return update.epoch > 1; });
  if (second != updates.end()) return second->step - 1;
  // The evaluation at the end of the first epoch, unless the run was to stop within it.
  return evaluations.empty() || config.train.max_steps > 0 ? 0 : evaluations.front().step;
}

double RunRecord::train_seconds() const {
  double seconds = 0.0;
  for (const TimingRecord& record : timing) seconds += record.seconds;
  return seconds;
}

double RunRecord::images_per_s() const {
  double images = 0.0;
  for (const TimingRecord& record : timing) images += record.images_per_s * record.seconds;
  return images / train_seconds();
}

double RunRecord::peak_memory_mb() const {
  double peak = 0.0;
  for (const TimingRecord& record : timing) peak = std::max(peak, record.peak_memory_mb);
  return peak;
}

RunRecord read_run_record(const std::filesystem::path& path) {
  const RunFolder folder = open_run_folder(path);
  RunRecord record;
  record.path = path;
  record.name = std::filesystem::canonical(path).filename().string();
  record.config = load_config(folder.config());
  record.config_text = read_if_there(folder.config()).value_or("");
  record.environment = read_environment(folder.environment());
  record.history = read_history(folder);
  record.updates = read_updates(folder.metrics());
  record.evaluations = read_evaluations(folder.metrics());
  record.timing = read_timing(folder.timing());
  return record;
}

}  // namespace tessera::report
