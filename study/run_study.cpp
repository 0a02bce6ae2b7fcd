#include "study/run_study.h"

#include <chrono>
#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "study/child_program.h"
#include "study/test_figures.h"
#include "train/config/config.h"
#include "train/readable.h"
#include "train/run_folder.h"
#include "train/signals.h"

namespace tessera {
namespace {

/// What the run of `config` in the study's `folder` is; `run` is seen from there, or empty.
RunResult result_of(const Study& study, const CellResult& cell, const Config& config,
                    const std::filesystem::path& folder, const std::filesystem::path& run) {
  RunResult result;
  if (!run.empty()) {
    result = read_run_result(folder / run, cell.plan.length.total_steps,
                             config.data.batch_size * config.data.accumulate);
    if (study.test) add_test_figures(result, folder / run);
  }
  result.seed = config.train.seed;
  result.folder = run;
  return result;
}

RunResult result_of(const Study& study, const CellResult& cell, std::int64_t seed,
                    const StudyRuns& runs) {
  const Config config = config_of(cell.cell, seed);
  return result_of(study, cell, config, runs.study(), runs.find(config));
}

/// `--set` for what the run in `folder` is to heed of this machine: it may have begun elsewhere.
std::vector<std::string> machine_options(const std::filesystem::path& folder,
                                         const Config& wanted) {
  std::vector<std::string> options;
  for (const std::string& key :
       machine_overrides(load_config(RunFolder{folder}.config()), wanted)) {
    options.insert(options.end(), {"--set", key});
  }
  return options;
}

/// Trains one run and reads what it left.
RunResult train(const Study& study, const CellResult& cell, std::int64_t seed,
                const std::string& label, StudyFolder& folder, Log& log) {
  const std::filesystem::path run =
      folder.make_run(config_of(cell.cell, seed), run_name(cell.cell.name, seed));
  log.status(label);
  std::vector<std::string> arguments = {"train", "--resume", (folder.path() / run).string()};
  const std::vector<std::string> options =
      machine_options(folder.path() / run, config_of(cell.cell, seed));
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ChildResult child = run_child(
      arguments, [&](std::string_view line) { log.status(fmt::format("{}: {}", label, line)); });
  RunResult result = result_of(study, cell, seed, folder.runs());
  if (result.status == RunStatus::kDone || SignalGuard::stop_signal() != 0) return result;
  result.status = RunStatus::kFailed;
  result.error = child.succeeded() ? "ended without a last checkpoint" : child.reason();
  return result;
}

/// Reads the test split of a run that is done.
RunResult test(const Study& study, const CellResult& cell, const RunResult& done,
               const std::string& label, const StudyFolder& folder, Log& log) {
  const std::string what = label + ": reading the test split";
  log.status(what);
  const std::filesystem::path run = folder.path() / done.folder;
  const Config config = config_of(cell.cell, done.seed);
  const std::string error =
      test_run(run, config.task.name, machine_options(run, config),
               [&](std::string_view line) { log.status(fmt::format("{}: {}", what, line)); });
  RunResult result = result_of(study, cell, done.seed, folder.runs());
  if (!result.test && SignalGuard::stop_signal() == 0) {
    result.test_error = error.empty() ? "its checkpoints changed meanwhile" : error;
  }
  return result;
}

/// The first figure, and those of the test split.
void report(const RunResult& run, const std::string& label, const Study& study, Log& log) {
  if (run.status == RunStatus::kFailed) {
    log.info("{}: failed: {}", label, run.error);
  } else if (run.last) {
    std::string text;
    for (const std::string& name : study.metrics) {
      const Metric* metric = run.last->metrics.find(name);
      if (metric == nullptr || (name != study.metrics.front() && !is_test_metric(name))) continue;
      text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", title_of_metric(name),
                          metric->value);
    }
    if (run.timing)
      text += fmt::format(", {} of training", duration_text(run.timing->train_seconds));
    log.info("{}: {}", label, text);
  }
  if (!run.test_error.empty()) {
    log.info("{}: the test split was not read: {}", label, run.test_error);
  }
}

}  // namespace

void read_runs(StudyResults& results, const StudyRuns& runs) {
  for (CellResult& cell : results.cells) {
    cell.runs.clear();
    for (const std::int64_t seed : results.study.seeds) {
      cell.runs.push_back(result_of(results.study, cell, seed, runs));
    }
  }
}

void take_runs(const StudyResults& results, const StudyRuns& source, StudyFolder& folder,
               Log& log) {
  std::size_t taken = 0;
  for (const CellResult& cell : results.cells) {
    for (const RunResult& own : cell.runs) {
      if (own.status == RunStatus::kDone) continue;
      const Config config = config_of(cell.cell, own.seed);
      const std::filesystem::path found = source.find(config);
      const RunResult other = result_of(results.study, cell, config, source.study(), found);
      if (other.status != RunStatus::kDone) continue;
      folder.copy_run(config, run_name(cell.cell.name, own.seed), source.study() / found);
      log.info("{}, seed {}: taken from {}", cell.cell.name, own.seed,
               (source.study() / found).string());
      ++taken;
    }
  }
  log.info("{}: {} finished run{} taken over", source.study().string(), taken,
           taken == 1 ? "" : "s");
}

namespace {

/// The runs of a study that are trained by whoever is first.
class Worker {
 public:
  Worker(StudyResults& results, StudyFolder& folder, const PublishResults& publish, Log& log,
         Claims* claims)
      : results_(results), folder_(folder), publish_(publish), log_(log), claims_(claims) {}

  /// Goes through all runs once; false if some are left that others are training.
  bool train_all() {
    bool complete = true;
    std::size_t number = 0;
    const std::size_t seeds = results_.study.seeds.size(), total = results_.cells.size() * seeds;
    for (std::size_t s = 0; s < seeds; ++s) {
      for (CellResult& cell : results_.cells) {
        RunResult& run = cell.runs[s];
        const std::string label =
            fmt::format("[{}/{}] {}, seed {}", ++number, total, cell.cell.name, run.seed);
        if (is_complete(results_.study, run)) continue;
        if (!train_one(cell, run, label)) complete = false;
        if (SignalGuard::stop_signal() != 0) return true;
      }
    }
    return complete;
  }

 private:
  /// False if another process has it.
  bool train_one(const CellResult& cell, RunResult& run, const std::string& label) {
    if (claims_ == nullptr) {
      finish(cell, run, label);
      return true;
    }
    if (tried_.contains(&run)) return true;
    const std::string key =
        run_key(folder_.runs(), config_of(cell.cell, run.seed), run_name(cell.cell.name, run.seed));
    const std::unique_ptr<Claim> claim = claims_->take(key);
    // Also one that was just claimed may have been done before.
    run = result_of(results_.study, cell, run.seed, refreshed().runs());
    if (is_complete(results_.study, run)) return true;
    if (const std::optional<std::string> why = claims_->failure(key)) {
      const bool is_trained = run.status == RunStatus::kDone;
      if (!is_trained) run.status = RunStatus::kFailed;
      (is_trained ? run.test_error : run.error) = *why;
      return true;
    }
    if (claim == nullptr) return false;
    finish(cell, run, label);
    tried_.insert(&run);
    if (run.status == RunStatus::kFailed) claims_->fail(key, run.error);
    if (!run.test_error.empty()) claims_->fail(key, run.test_error);
    return true;
  }

  void finish(const CellResult& cell, RunResult& run, const std::string& label) {
    const Study& study = results_.study;
    if (run.status != RunStatus::kDone) run = train(study, cell, run.seed, label, folder_, log_);
    const bool lacks_test = run.status == RunStatus::kDone && !is_complete(study, run);
    if (lacks_test && SignalGuard::stop_signal() == 0) {
      run = test(study, cell, run, label, folder_, log_);
    }
    report(run, label, study, log_);
    if (claims_ != nullptr) take_in_others();
    publish_(results_);
  }

  /// So that whoever writes results last writes all that is known by then.
  void take_in_others() {
    folder_.refresh();
    for (CellResult& other : results_.cells) {
      for (RunResult& run : other.runs) {
        const bool waits = run.status == RunStatus::kUnfinished ||
                           (run.status == RunStatus::kDone && run.test_error.empty() &&
                            !is_complete(results_.study, run));
        if (waits) run = result_of(results_.study, other, run.seed, folder_.runs());
      }
    }
  }

  StudyFolder& refreshed() {
    folder_.refresh();
    return folder_;
  }

  StudyResults& results_;
  StudyFolder& folder_;
  const PublishResults& publish_;
  Log& log_;
  Claims* claims_;
  std::set<const RunResult*> tried_;
};

}  // namespace

int run_study(StudyResults& results, StudyFolder& folder, const PublishResults& publish, Log& log,
              Claims* claims) {
  constexpr auto kBetweenLooks = std::chrono::milliseconds(500);
  const SignalGuard signals;
  publish(results);
  Worker worker(results, folder, publish, log, claims);
  while (!worker.train_all() && SignalGuard::stop_signal() == 0) {
    log.status("waiting for runs that others train");
    std::this_thread::sleep_for(kBetweenLooks);
  }
  // What others finished meanwhile is known by now, and nobody finishes anything later.
  if (claims != nullptr) publish(results);
  return SignalGuard::stop_signal();
}

}  // namespace tessera
