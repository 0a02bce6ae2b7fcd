#include "study/run_study.h"

#include <csignal>
#include <string>

#include "study/child_program.h"
#include "train/readable.h"
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

/// What the folder of a run is called.
std::string run_name(const CellResult& cell, std::int64_t seed) {
  return fmt::format("{}_seed {}", cell.cell.name, seed);
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
      folder.make_run(config_of(cell.cell, seed), run_name(cell, seed));
  log.status(label);
  const ChildResult child =
      run_child({"train", "--resume", (folder.path() / run).string()},
                [&](std::string_view line) { log.status(fmt::format("{}: {}", label, line)); });
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
      folder.copy_run(config, run_name(cell, own.seed), source.study() / found);
      log.info("{}, seed {}: taken from {}", cell.cell.name, own.seed,
               (source.study() / found).string());
      ++taken;
    }
  }
  log.info("{}: {} finished run{} taken over", source.study().string(), taken,
           taken == 1 ? "" : "s");
}

int run_study(StudyResults& results, StudyFolder& folder, const PublishResults& publish, Log& log) {
  const SignalGuard signals;
  const std::size_t total = results.cells.size() * results.study.seeds.size();
  std::size_t number = 0;
  publish(results);
  for (std::size_t s = 0; s < results.study.seeds.size(); ++s) {
    for (CellResult& cell : results.cells) {
      ++number;
      RunResult& run = cell.runs[s];
      if (run.status == RunStatus::kDone) continue;
      const std::string label =
          fmt::format("[{}/{}] {}, seed {}", number, total, cell.cell.name, run.seed);
      run = train(cell, run.seed, label, folder, log);
      report(run, label, results.study.metrics.front(), log);
      publish(results);
      if (const int signal = SignalGuard::stop_signal(); signal != 0) return signal;
    }
  }
  return 0;
}

}  // namespace tessera
