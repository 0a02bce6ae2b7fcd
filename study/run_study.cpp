#include "study/run_study.h"

#include <chrono>
#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "study/child_program.h"
#include "train/config/config.h"
#include "train/readable.h"
#include "train/run_folder.h"
#include "train/signals.h"

namespace tessera {
namespace {

/// What the run of `config` in the folder `study` is; `run` is seen from there, or empty.
RunResult result_of(const CellResult& cell, const Config& config,
                    const std::filesystem::path& study, const std::filesystem::path& run) {
  RunResult result;
  if (!run.empty()) {
    result = read_run_result(study / run, cell.plan.length.total_steps,
                             config.data.batch_size * config.data.accumulate);
  }
  result.seed = config.train.seed;
  result.folder = run;
  return result;
}

RunResult result_of(const CellResult& cell, std::int64_t seed, const StudyFolder& folder) {
  const Config config = config_of(cell.cell, seed);
  return result_of(cell, config, folder.path(), folder.find_run(config));
}

/// Why a run that ended is not done.
std::string reason(const ChildResult& child) {
  constexpr std::string_view kPrefix = "tessera: ";
  if (child.signal == SIGKILL) return "killed; was memory short? lower data.batch_size";
  if (child.signal != 0) return fmt::format("ended by signal {}", child.signal);
  if (child.code == 0) return "ended without a last checkpoint";
  const std::string& line = child.error;
  if (line.empty()) return fmt::format("exit code {}", child.code);
  return line.starts_with(kPrefix) ? line.substr(kPrefix.size()) : line;
}

/// Trains one run and reads what it left.
RunResult train(const CellResult& cell, std::int64_t seed, const std::string& label,
                StudyFolder& folder, Log& log) {
  const std::filesystem::path run =
      folder.make_run(config_of(cell.cell, seed), run_name(cell.cell.name, seed));
  log.status(label);
  std::vector<std::string> arguments = {"train", "--resume", (folder.path() / run).string()};
  // One that was begun elsewhere goes on as this machine is to go about it.
  const Config begun = load_config(RunFolder{folder.path() / run}.config());
  for (const std::string& key : machine_overrides(begun, config_of(cell.cell, seed))) {
    arguments.insert(arguments.end(), {"--set", key});
  }
  const ChildResult child = run_child(
      arguments, [&](std::string_view line) { log.status(fmt::format("{}: {}", label, line)); });
  RunResult result = result_of(cell, seed, folder);
  if (result.status == RunStatus::kDone || SignalGuard::stop_signal() != 0) return result;
  result.status = RunStatus::kFailed;
  result.error = reason(child);
  return result;
}

void report(const RunResult& run, const std::string& label, const std::string& metric, Log& log) {
  if (run.status == RunStatus::kFailed) {
    log.info("{}: failed: {}", label, run.error);
  } else if (run.last) {
    log.info("{}: {} {:.4f}{}", label, title_of_metric(metric), run.last->metrics.value(metric),
             run.timing ? fmt::format(", {} of training", duration_text(run.timing->train_seconds))
                        : "");
  }
}

}  // namespace

void read_runs(StudyResults& results, const StudyFolder& folder) {
  for (CellResult& cell : results.cells) {
    cell.runs.clear();
    for (const std::int64_t seed : results.study.seeds) {
      cell.runs.push_back(result_of(cell, seed, folder));
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
      if (result_of(cell, config, source.study(), found).status != RunStatus::kDone) continue;
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
        if (run.status == RunStatus::kDone) continue;
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
    run = result_of(cell, run.seed, refreshed());
    if (run.status == RunStatus::kDone) return true;
    if (const std::optional<std::string> why = claims_->failure(key)) {
      run.status = RunStatus::kFailed;
      run.error = *why;
      return true;
    }
    if (claim == nullptr) return false;
    finish(cell, run, label);
    tried_.insert(&run);
    if (run.status == RunStatus::kFailed) claims_->fail(key, run.error);
    return true;
  }

  void finish(const CellResult& cell, RunResult& run, const std::string& label) {
    run = train(cell, run.seed, label, folder_, log_);
    report(run, label, results_.study.metrics.front(), log_);
    if (claims_ != nullptr) take_in_others();
    publish_(results_);
  }

  /// So that whoever writes results last writes all that is known by then.
  void take_in_others() {
    folder_.refresh();
    for (CellResult& other : results_.cells) {
      for (RunResult& run : other.runs) {
        if (run.status == RunStatus::kUnfinished) run = result_of(other, run.seed, folder_);
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
