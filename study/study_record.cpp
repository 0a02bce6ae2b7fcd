#include "study/study_record.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"
#include "study/added_seeds.h"

namespace tessera {
namespace {

/// NaN for null and for what is missing.
double number_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number() ? found->get<double>()
                                                   : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> known_at(const Json& json, const char* name) {
  const double value = number_at(json, name);
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

/// Studies made before tell neither errors nor p: their intervals are of the seeds alone.
Estimate estimate_of(const Json& json) {
  Estimate estimate{.n = json.at("n").get<std::int64_t>(),
                    .mean = number_at(json, "mean"),
                    .half_width = known_at(json, "half_width"),
                    .error = known_at(json, "error").value_or(0.0),
                    .image_error = known_at(json, "image_error").value_or(0.0),
                    .p = known_at(json, "p"),
                    .p_holm = known_at(json, "p_holm"),
                    .image_floor = known_at(json, "image_floor")};
  if (!json.contains("error") && estimate.half_width && estimate.n > 1) {
    estimate.error = *estimate.half_width / student_t_quantile(0.975, estimate.n - 1);
    if (!estimate.p) estimate.p = p_of_zero(estimate);
  }
  return estimate;
}

MetricSummary summary_of(const Json& json) {
  MetricSummary summary{estimate_of(json), {}};
  if (json.contains("difference")) summary.difference = estimate_of(json["difference"]);
  return summary;
}

RunStatus status_of(const std::string& word) {
  for (const RunStatus status : {RunStatus::kDone, RunStatus::kFailed}) {
    if (word == to_string(status)) return status;
  }
  return RunStatus::kUnfinished;
}

StudyRun run_of(const Json& json) {
  return {json.at("seed").get<std::int64_t>(), json.at("folder").get<std::string>(),
          status_of(json.at("status").get<std::string>()), json.value("error", "")};
}

StudyCell cell_of(const Json& json) {
  StudyCell cell;
  cell.name = json.at("name").get<std::string>();
  cell.baseline = json.at("baseline").get<std::string>();
  cell.same_as_baseline = json.value("same_as_baseline", false);
  for (const auto& [axis, label] : json.at("labels").items()) {
    cell.labels[axis] = label.get<std::string>();
  }
  const Json matched = json.value("matched", Json::object());
  for (const auto& [key, change] : matched.items()) {
    cell.matched.push_back(key + " " + change.at(0).get<std::string>() + " → " +
                           change.at(1).get<std::string>());
  }
  const Json& plan = json.at("plan");
  cell.parameters = number_at(plan, "parameters");
  cell.macs = number_at(plan, "macs");
  const Json timing = json.value("timing", Json::object());
  cell.images_per_s = number_at(timing, "images_per_s");
  cell.train_seconds = number_at(timing, "train_seconds");
  cell.images_per_s_alone = number_at(timing, "images_per_s_alone");
  cell.train_seconds_alone = number_at(timing, "train_seconds_alone");
  cell.peak_memory_mb = number_at(timing, "peak_memory_mb");
  for (const Json& run : json.at("runs")) cell.runs.push_back(run_of(run));
  for (const auto& [metric, summary] : json.at("summary").items()) {
    cell.summary[current_metric_name(metric)] = summary_of(summary);
  }
  return cell;
}

/// Corrects the differences of a study that was made before they were.
void correct(StudyRecord& record, const std::string& metric) {
  std::vector<Estimate*> differences;
  std::vector<double> p;
  for (StudyCell& cell : record.cells) {
    const auto found = cell.summary.find(metric);
    if (cell.is_baseline() || found == cell.summary.end() || !found->second.difference) continue;
    Estimate& difference = *found->second.difference;
    if (difference.p_holm) return;
    if (!difference.p) continue;
    differences.push_back(&difference);
    p.push_back(*difference.p);
  }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < adjusted.size(); ++i) differences[i]->p_holm = adjusted[i];
}

StudyRecord record_of(const Json& json) {
  StudyRecord record;
  record.name = json.at("study").get<std::string>();
  record.match = json.value("match", "none");
  record.seeds = json.at("seeds").get<std::vector<std::int64_t>>();
  record.added_seeds =
      json.value("added_seeds", Json::array()).get<std::vector<std::vector<std::int64_t>>>();
  record.interval = json.value("interval", 0.0);
  for (const Json& metric : json.at("metrics")) {
    record.metrics.push_back(current_metric_name(metric.get<std::string>()));
  }
  for (const Json& axis : json.at("axes")) {
    record.axes.push_back(
        {axis.at("name").get<std::string>(), axis.at("values").get<std::vector<std::string>>()});
  }
  for (const Json& cell : json.at("cells")) record.cells.push_back(cell_of(cell));
  for (const std::string& metric : record.metrics) correct(record, metric);
  return record;
}

}  // namespace

std::size_t StudyCell::runs_in(RunStatus status) const {
  return static_cast<std::size_t>(std::count_if(
      runs.begin(), runs.end(), [&](const StudyRun& run) { return run.status == status; }));
}

bool StudyRecord::has_test() const { return std::ranges::any_of(metrics, is_test_metric); }

bool StudyRecord::shows(const Estimate& difference) const {
  constexpr double kLevel = 0.05;
  const double level = kLevel / static_cast<double>(looks_of(added_seeds));
  return difference.excludes_zero() && difference.p_holm.value_or(0.0) < level;
}

std::size_t StudyRecord::runs_in(RunStatus status) const {
  std::size_t count = 0;
  for (const StudyCell& cell : cells) count += cell.runs_in(status);
  return count;
}

std::size_t StudyRecord::runs() const {
  std::size_t count = 0;
  for (const StudyCell& cell : cells) count += cell.runs.size();
  return count;
}

std::string short_name(const StudyRecord& record, const StudyCell& cell) {
  std::string name;
  for (const StudyAxis& axis : record.axes) {
    const auto label = cell.labels.find(axis.name);
    if (label == cell.labels.end()) return cell.name;
    if (!name.empty()) name += ", ";
    const std::size_t word = axis.name.rfind('.');
    if (word != std::string::npos) name += axis.name.substr(word + 1) + ' ';
    name += label->second;
  }
  return name;
}

bool is_study(const std::filesystem::path& path) {
  return std::filesystem::exists(path / "results.json");
}

StudyRecord read_study_record(const std::filesystem::path& path) {
  const std::filesystem::path results = path / "results.json";
  try {
    StudyRecord record = record_of(parse_json(read_text_file(results)));
    record.path = path;
    if (record.metrics.empty() || record.cells.empty()) {
      fail<DataError>("{}: has no metrics or no cells: run tessera ablate again", results.string());
    }
    return record;
  } catch (const Json::exception& error) {
    fail<DataError>("{}: is not what a study writes: {}", results.string(), reason_of(error));
  }
}

}  // namespace tessera
