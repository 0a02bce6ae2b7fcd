#include "study/test_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "data/hold_out.h"
#include "data/open_dataset.h"
#include "formats/json.h"
#include "study/child_program.h"
#include "train/checkpoint_index.h"
#include "train/checkpoint_meta.h"
#include "train/run_folder.h"
#include "train/sealed_json.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "model.safetensors";

Json to_json(const TestFigures& figures) {
  Json metrics = Json::object();
  for (const Metric& metric : figures.metrics) {
    metrics[metric.name] = std::isfinite(metric.value) ? Json(metric.value) : Json();
  }
  Json json = {{"step", figures.step}, {"weights", figures.weights}, {"metrics", metrics}};
  if (!figures.right.empty()) json["right"] = figures.right;
  return json;
}

/// Throws Json::exception.
TestFigures figures_of(const Json& json) {
  TestFigures figures{.step = json.at("step").get<std::int64_t>(),
                      .weights = json.at("weights").get<std::string>(),
                      .metrics = {},
                      .right = json.value("right", "")};
  for (const auto& [name, value] : json.at("metrics").items()) {
    figures.metrics.set(
        name, value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  return figures;
}

/// The folder of a checkpoint; empty if there is none.
fs::path checkpoint_in(const fs::path& run, CheckpointChoice choice) {
  const fs::path folder = RunFolder{run}.checkpoints();
  const std::optional<CheckpointIndex> index = read_index(folder);
  return index ? folder / index->at(choice) : fs::path{};
}

/// Whether they are of the checkpoint that is `choice` now.
bool is_of(const TestFigures& figures, const fs::path& run, CheckpointChoice choice) {
  const fs::path folder = checkpoint_in(run, choice);
  if (folder.empty()) return false;
  const CheckpointMeta meta = decode_meta(read_text_file(folder / kMetaFile), folder / kMetaFile);
  const auto weights = meta.checksums.find(kWeights);
  return figures.step == meta.step &&
         figures.weights == (weights == meta.checksums.end() ? "" : weights->second);
}

/// Of the checkpoint in `folder`. Throws Error if it cannot be evaluated.
TestFigures evaluate(const fs::path& folder, TaskName task, const std::vector<std::string>& options,
                     const std::function<void(std::string_view)>& on_line, std::int64_t& samples) {
  std::vector<std::string> arguments = {"eval", folder.string(), "--split", "test", "--json"};
  if (task == TaskName::kClassification) arguments.emplace_back("--right");
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ChildResult child = run_child(arguments, on_line);
  if (!child.succeeded()) throw Error(child.reason());
  const Json json = try_parse_json(child.out);
  try {
    const Json& checkpoint = json.at("checkpoint");
    samples = checkpoint.at("samples").get<std::int64_t>();
    return figures_of(checkpoint);
  } catch (const Json::exception& error) {
    fail<Error>("tessera eval printed something else: {}", reason_of(error));
  }
}

}  // namespace

void check_test_split(const Study& study, const std::vector<Cell>& cells) {
  if (!study.test) return;
  for (const Cell& cell : cells) {
    if (!validates_on_test(cell.config.data)) continue;
    const std::string place = fmt::format("{}: test: {}", study.config.mark.file, cell.name);
    if (holds_out(cell.config.data)) {
      fail<ConfigError>(
          "{}: the data set has no test split beside what is held out for val; leave test out",
          place);
    }
    fail<ConfigError>(
        "{}: val is the test split, so that nothing is left to test on; data.val_split: 0.1 holds "
        "a share of training out for val",
        place);
  }
}

std::optional<TestReading> read_test_figures(const fs::path& run) {
  const fs::path file = RunFolder{run}.test();
  const std::optional<std::string> text = read_if_there(file);
  if (!text) return std::nullopt;
  TestReading reading;
  try {
    const Json json = unseal(*text, file, /*must_have_seal=*/true);
    reading.samples = json.at("samples").get<std::int64_t>();
    reading.last = figures_of(json.at("last"));
    reading.best = figures_of(json.at("best"));
  } catch (const CheckpointError&) {
    return std::nullopt;  // damaged
  } catch (const Json::exception&) {
    return std::nullopt;  // of another version
  }
  const bool is_current = is_of(reading.last, run, CheckpointChoice::kLast) &&
                          is_of(reading.best, run, CheckpointChoice::kBest);
  return is_current ? std::optional(std::move(reading)) : std::nullopt;
}

std::string test_run(const fs::path& run, TaskName task, const std::vector<std::string>& options,
                     const std::function<void(std::string_view)>& on_line) {
  try {
    const fs::path last = checkpoint_in(run, CheckpointChoice::kLast);
    const fs::path best = checkpoint_in(run, CheckpointChoice::kBest);
    if (last.empty()) return "there is no checkpoint";
    TestReading reading;
    reading.last = evaluate(last, task, options, on_line, reading.samples);
    reading.best = reading.last;
    if (best != last) reading.best = evaluate(best, task, options, on_line, reading.samples);
    write_atomically(RunFolder{run}.test(), seal({{"split", "test"},
                                                  {"samples", reading.samples},
                                                  {"last", to_json(reading.last)},
                                                  {"best", to_json(reading.best)}}));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

void add_test_figures(RunResult& result, const fs::path& run) {
  if (result.status != RunStatus::kDone) return;
  const std::optional<TestReading> reading = read_test_figures(run);
  if (!reading) return;
  const auto add = [&](const TestFigures& figures, const std::string& prefix) {
    result.last->metrics.append(figures.metrics, prefix);
    for (const Metric& metric : figures.metrics) {
      if (metric.name == "top1") result.right[prefix + metric.name] = figures.right;
    }
  };
  add(reading->last, kTestPrefix);
  add(reading->best, kBestTestPrefix);
  result.test = TestSteps{reading->samples, reading->last.step, reading->best.step};
}

}  // namespace tessera
