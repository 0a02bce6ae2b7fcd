#include <fmt/format.h>

#include "core/atomic_file.h"
#include "data/sets/table_file.h"
#include "formats/json.h"
#include "study/output.h"

namespace tessera {
namespace {

Json to_json(const Estimate& value) {
  return {{"n", value.n},
          {"mean", value.n > 0 ? Json(value.mean) : Json()},
          {"half_width", value.half_width ? Json(*value.half_width) : Json()},
          {"error", value.error},
          {"image_error", value.image_error}};
}

Json to_json(const std::optional<std::int64_t>& count) { return count ? Json(*count) : Json(); }

/// `wanted`: half of the interval that it is to have; 0: any.
Json difference_json(const Estimate& difference, double wanted) {
  Json json = to_json(difference);
  if (difference.image_floor) json["image_floor"] = *difference.image_floor;
  if (difference.half_width) {
    json["seeds_to_show"] = to_json(repetitions_to_show(difference));
    if (wanted > 0.0) json["seeds_for_interval"] = to_json(repetitions_for(difference, wanted));
  }
  if (difference.p) json["p"] = *difference.p;
  if (difference.p_holm) json["p_holm"] = *difference.p_holm;
  return json;
}

Json to_json(const RunTiming& timing) {
  return {{"images_per_s", timing.images_per_s},
          {"train_seconds", timing.train_seconds},
          {"peak_memory_mb", timing.peak_memory_mb}};
}

Json to_json(const RunResult& run) {
  Json json = {
      {"seed", run.seed}, {"folder", run.folder.string()}, {"status", to_string(run.status)}};
  if (run.status == RunStatus::kFailed) json["error"] = run.error;
  if (run.last) {
    for (const Metric& metric : run.last->metrics) json["metrics"][metric.name] = metric.value;
  }
  if (run.timing) json["timing"] = to_json(*run.timing);
  if (run.status == RunStatus::kDone) json["updates"] = run.updates;
  if (run.test) {
    json["test"] = {{"samples", run.test->samples},
                    {"last_update", run.test->last},
                    {"best_update", run.test->best}};
  }
  if (!run.test_error.empty()) json["test_error"] = run.test_error;
  return json;
}

Json plan_json(const CellResult& cell) {
  const CellPlan& plan = cell.plan;
  return {{"parameters", plan.parameters},
          {"macs", plan.macs},
          {"tokens", plan.model.embed.map},
          {"updates", plan.length.total_steps},
          {"predicted_peak_bytes", plan.predicted_bytes}};
}

Json cell_json(const StudyResults& results, std::size_t index) {
  const CellResult& cell = results.cells[index];
  Json labels = Json::object();
  for (std::size_t a = 0; a < cell.cell.labels.size(); ++a) {
    labels[results.study.axes[a].name] = cell.cell.labels[a];
  }
  Json matched = Json::object();
  for (const Change& change : cell.cell.changes) {
    matched[change.key] = {change.before, change.after};
  }
  Json runs = Json::array();
  for (const RunResult& run : cell.runs) runs.push_back(to_json(run));
  Json summary = Json::object();
  for (const std::string& metric : results.study.metrics) {
    Json value = to_json(mean_of(cell, metric));
    if (const auto difference = differences_of(results, metric)[index]) {
      const bool decides = metric == results.study.metrics.front();
      value["difference"] =
          difference_json(*difference, decides ? wanted_half_width(results.study) : 0.0);
    }
    summary[metric] = std::move(value);
  }
  Json timing = Json::object();
  if (const auto mean = timing_of(cell)) timing = to_json(*mean);
  if (cell.speed) {
    const Config& config = cell.cell.config;
    timing["images_per_s_alone"] = cell.speed->train_images_per_s;
    timing["train_seconds_alone"] = seconds_alone(cell, *cell.speed);
    timing["expected_seconds"] = run_seconds(config, cell.plan, *cell.speed);
  }
  return {{"name", cell.cell.name},
          {"labels", labels},
          {"same_as_baseline", is_same_as_baseline(results, index)},
          {"baseline", results.cells[cell.cell.baseline].cell.name},
          {"matched", matched},
          {"plan", plan_json(cell)},
          {"runs", runs},
          {"summary", summary},
          {"timing", timing}};
}

Json results_json(const StudyResults& results) {
  const Study& study = results.study;
  Json axes = Json::array();
  for (const Axis& axis : study.axes) {
    Json values = Json::array();
    for (const AxisValue& value : axis.values) values.push_back(value.label);
    axes.push_back({{"name", axis.name}, {"values", values}});
  }
  Json metrics = Json::array();
  for (const std::string& metric : study.metrics) metrics.push_back(metric);
  Json cells = Json::array();
  for (std::size_t i = 0; i < results.cells.size(); ++i) cells.push_back(cell_json(results, i));
  Json json = {
      {"study", study.name}, {"tessera", TESSERA_VERSION}, {"axes", axes}, {"seeds", study.seeds}};
  if (!study.added.empty()) json["added_seeds"] = study.added;
  json["match"] = to_string(study.match);
  json["metrics"] = metrics;
  if (study.interval > 0.0) json["interval"] = study.interval;
  json["cells"] = cells;
  return json;
}

/// One line a run: the axes, the seed, and what `fields` says of it.
template <typename Fields>
std::string csv(const StudyResults& results, const std::string& titles, const Fields& fields) {
  std::string text;
  for (const Axis& axis : results.study.axes) text += csv_field(axis.name) + ',';
  text += "seed," + titles + '\n';
  for (const CellResult& cell : results.cells) {
    for (const RunResult& run : cell.runs) {
      for (const std::string& label : cell.cell.labels) text += csv_field(label) + ',';
      text += fmt::format("{},{}\n", run.seed, fields(cell, run));
    }
  }
  return text;
}

std::string results_csv(const StudyResults& results) {
  const std::vector<std::string> metrics =
      reported_metrics(results.study, results.cells.front().cell.config);
  const auto fields = [&](const CellResult& cell, const RunResult& run) {
    std::string text =
        fmt::format("{},{},{},{}", to_string(run.status), cell.plan.parameters, cell.plan.macs,
                    run.status == RunStatus::kDone ? run.updates : cell.plan.length.total_steps);
    for (const std::string& metric : metrics) {
      const Metric* value = run.last ? run.last->metrics.find(metric) : nullptr;
      text += value != nullptr ? fmt::format(",{}", value->value) : ",";
    }
    return text;
  };
  const auto titles = fmt::format("status,parameters,macs,updates,{}", fmt::join(metrics, ","));
  return csv(results, titles, fields);
}

std::string timing_csv(const StudyResults& results) {
  const auto fields = [](const CellResult&, const RunResult& run) {
    if (!run.timing) return std::string(",,");
    return fmt::format("{:.1f},{:.2f},{:.1f}", run.timing->images_per_s, run.timing->train_seconds,
                       run.timing->peak_memory_mb);
  };
  return csv(results, "images_per_s,train_seconds,peak_memory_mb", fields);
}

}  // namespace

void write_result_files(const StudyResults& results, const std::filesystem::path& folder) {
  const auto write = [&](const char* name, const std::string& text) {
    AtomicFile file(folder / name);
    file.write(text);
    file.commit();
  };
  write("results.json", json_text(results_json(results), 2) + "\n");
  write("results.csv", results_csv(results));
  write("timing.csv", timing_csv(results));
  write("results.md", result_page(results));
}

}  // namespace tessera
