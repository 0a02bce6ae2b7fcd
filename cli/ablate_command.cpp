#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "distributed/join.h"
#include "report/report.h"
#include "study/added_seeds.h"
#include "study/cell_plan.h"
#include "study/extend_study.h"
#include "study/output.h"
#include "study/run_study.h"
#include "study/speeds.h"
#include "study/test_figures.h"
#include "train/open_split.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct AblateOptions {
  std::string study;
  std::vector<std::string> overrides;
  std::string out;
  bool quick = false;
  bool dry_run = false;
  bool no_measure = false;
  bool measure_again = false;
  bool join = false;
  bool status = false;
  std::string extend;  ///< `seeds=N`; empty: none
  int silence = static_cast<int>(Claims::kSilence.count() / 1000);
  std::vector<std::string> take_from;
};

/// Data first: a study that cannot start should leave no folder behind.
void check_data(const Study& study, const std::vector<Cell>& cells) {
  std::set<std::pair<DatasetName, std::string>> seen;
  for (const Cell& cell : cells) {
    if (!seen.emplace(cell.config.data.name, cell.config.data.root).second) continue;
    open_split(cell.config, Split::kTrain);
    open_split(cell.config, Split::kVal);
    if (study.test) open_split(cell.config, Split::kTest);
  }
}

/// One a cell. A cell whose steps fail is only reported: training it may still show why.
std::vector<std::optional<CellSpeed>> measure(const std::vector<Cell>& cells, Speeds& speeds,
                                              Log& log) {
  std::vector<std::optional<CellSpeed>> measured;
  for (const Cell& cell : cells) {
    log.status(fmt::format("measuring {}", cell.name));
    std::string error;
    measured.push_back(speeds.measure(cell.config, error));
    if (!measured.back()) log.info("{}: not measured: {}", cell.name, error);
  }
  return measured;
}

void measure_again(const std::vector<Cell>& cells, Speeds& speeds, Log& log) {
  std::vector<Config> configs;
  for (const Cell& cell : cells) configs.push_back(cell.config);
  speeds.measure_again(configs, [&](int round, std::size_t cell) {
    log.status(fmt::format("measuring {}, {} of {}", cells[cell].name, round + 1, Speeds::kRounds));
  });
}

void match_speeds(const Study& study, const std::vector<std::optional<CellSpeed>>& measured,
                  std::vector<Cell>& cells) {
  std::vector<CellSpeed> speeds;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (study.match == Match::kTime && !measured[i]) {
      fail<ConfigError>("match: time needs the speed of {}", cells[i].name);
    }
    speeds.push_back(measured[i].value_or(CellSpeed{}));
  }
  match_length(study.match, study.budget, speeds, cells);
}

void check_budget(const StudyResults& results) {
  const double budget = results.study.budget;
  if (budget <= 0.0 || results.study.match == Match::kTime) return;
  std::string over;
  for (const CellResult& cell : results.cells) {
    if (!cell.speed) continue;
    const double seconds = training_seconds(cell.cell.config, cell.plan, *cell.speed);
    if (seconds <= budget) continue;
    over += fmt::format("{}{} is expected to train for {}", over.empty() ? "" : "; ",
                        cell.cell.name, duration_text(seconds));
  }
  if (over.empty()) return;
  fail<ConfigError>("budget {} s: {}: raise it, lower train.epochs or leave the cell out by skip",
                    budget, over);
}

StudyResults plan_study(const AblateOptions& options, Study study, std::vector<Cell> cells,
                        const fs::path& speed_file, Log& log) {
  std::vector<std::optional<CellSpeed>> measured(cells.size());
  if (!options.no_measure) {
    Speeds speeds(speed_file);
    if (options.measure_again) measure_again(cells, speeds, log);
    measured = measure(cells, speeds, log);
    log.status({});
  }
  match_speeds(study, measured, cells);
  StudyResults results{std::move(study), {}};
  const RunIdentity identity(cells);
  for (Cell& cell : cells) {
    CellPlan plan = plan_cell(cell.config);
    std::string own = identity.of(cell.config);
    std::vector<RunResult> runs(results.study.seeds.size());
    const std::optional<CellSpeed> speed = measured[results.cells.size()];
    results.cells.push_back(
        {std::move(cell), std::move(plan), speed, std::move(runs), std::move(own)});
  }
  return results;
}

/// Speeds are measured by one of those who have joined, and read by the others.
std::unique_ptr<Claim> claim_speeds(Claims& claims, Log& log) {
  for (;;) {
    if (std::unique_ptr<Claim> claim = claims.take("speeds")) return claim;
    log.status("waiting for speeds that another process measures");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

/// What is done, who does what, and what is left, a line a run.
int show_status(const Study& study, const std::vector<Cell>& cells, const fs::path& path) {
  const StudyRuns known(path);  // throws if it is no study's folder
  StudyResults results{study, {}};
  for (const Cell& cell : cells) {
    results.cells.push_back({cell, plan_cell(cell.config), {}, {}});
  }
  fmt::print("{}", status_table(results, known));
  return kExitOk;
}

/// Throws ConfigError if there is nothing to measure again.
void check_measure_again(const Study& study, const fs::path& folder) {
  if (study.match == Match::kTime) {
    fail<ConfigError>("--measure-again: {} has match: time: other speeds would make other cells",
                      study.name);
  }
  if (!fs::exists(folder)) {
    fail<ConfigError>("{}: is not there; --measure-again is for a study that was run",
                      folder.string());
  }
}

/// The tables, and the report that is made of them.
void publish(const StudyResults& results, const fs::path& folder) {
  write_result_files(results, folder);
  AtomicFile page(folder / "report.html");
  page.write(report::to_html(report::study_page(read_study_record(folder))));
  page.commit();
}

/// Prints what was found and returns the exit code.
int conclude(const StudyResults& results, const fs::path& folder, int stop_signal) {
  fmt::print("{}\n", result_table(results));
  if (stop_signal != 0) {
    fmt::print("Stopped. The same command goes on from here.\n");
    return 128 + stop_signal;
  }
  fmt::print("Everything is in {}\n", shown(folder.string()));
  std::size_t failed = 0, untested = 0;
  for (const CellResult& cell : results.cells) {
    for (const RunResult& run : cell.runs) {
      const bool done = run.status == RunStatus::kDone;
      failed += done ? 0 : 1;
      untested += done && !is_complete(results.study, run) ? 1 : 0;
    }
  }
  if (failed == 0 && untested == 0) return kExitOk;
  if (failed == 0) {
    fail<Error>("the test split of {} run{} was not read; the same command tries again", untested,
                untested == 1 ? "" : "s");
  }
  fail<Error>("{} run{} failed; the same command tries them again", failed, failed == 1 ? "" : "s");
}

int run(const AblateOptions& options) {
  Study study = load_study(options.study, options.overrides, options.quick);
  const fs::path path = options.out.empty() ? fs::path("runs") / study.name : fs::path(options.out);
  take_added_seeds(study, path);
  const std::int64_t added = options.extend.empty() ? 0 : seeds_to_add(options.extend);
  std::vector<Cell> cells = make_grid(study);
  match_width(study.match, cells);
  for (const Cell& cell : cells) plan_cell(cell.config);  // throws where nothing can be trained
  check_test_split(study, cells);
  Log log;
  if (options.dry_run) {
    const RunIdentity identity(cells);
    StudyResults results = plan_study(options, std::move(study), std::move(cells), {}, log);
    if (is_study(path)) read_runs(results, StudyRuns(path, identity));
    fmt::print("{}", plan_report(results));
    check_budget(results);
    fmt::print("Dry run: nothing was trained or written.\n");
    return kExitOk;
  }
  const RunIdentity identity(cells);
  std::vector<StudyRuns> sources;
  for (const std::string& source : options.take_from) sources.emplace_back(source, identity);
  if (options.status) return show_status(study, cells, path);
  if (options.measure_again) check_measure_again(study, path);
  if (added > 0 && !fs::exists(path)) {
    fail<ConfigError>("{}: is not there; --extend is for a study that was run", path.string());
  }
  check_data(study, cells);
  StudyFolder folder(path, study.name, identity,
                     options.join ? StudyFolder::Use::kJoined : StudyFolder::Use::kAlone);
  std::optional<Claims> claims;
  if (options.join) claims.emplace(folder.claims(), std::chrono::seconds(options.silence));
  std::unique_ptr<Claim> measuring;
  if (claims && !options.no_measure) measuring = claim_speeds(*claims, log);
  StudyResults results =
      plan_study(options, std::move(study), std::move(cells), folder.speeds(), log);
  measuring.reset();
  read_runs(results, folder.runs());
  for (const StudyRuns& source : sources) {
    take_runs(results, source, folder, log);
    read_runs(results, folder.runs());
  }
  if (added > 0) extend_study(results, folder, added, claims ? &*claims : nullptr, log);
  if (options.measure_again) {
    publish(results, folder.path());
    fmt::print("{}Everything is in {}\n", result_table(results), shown(folder.path().string()));
    return kExitOk;
  }
  fmt::print("{}\n", plan_report(results));
  std::fflush(stdout);
  check_budget(results);
  const auto write = [&](const StudyResults& known) { publish(known, folder.path()); };
  const int stop_signal = run_study(results, folder, write, log, claims ? &*claims : nullptr);
  return conclude(results, folder.path(), stop_signal);
}

}  // namespace

Action add_ablate_command(Arguments& arguments) {
  auto options = std::make_shared<AblateOptions>();
  arguments.add_option("study", options->study, "Study file (YAML)").required();
  arguments
      .add_option("--set", options->overrides,
                  "Override a key of the study or its configuration: --set train.epochs=3")
      .repeated();
  arguments.add_option("--out", options->out, "Folder of the study; runs/NAME if not given");
  arguments.add_flag("--quick", options->quick, "Lay the study's own `quick` settings over it");
  const Argument dry_run = arguments.add_flag("--dry-run", options->dry_run,
                                              "Check and show the plan, train and write nothing");
  const Argument no_measure =
      arguments.add_flag("--no-measure", options->no_measure, "Do not measure speeds for the plan");
  arguments
      .add_option("--take-from", options->take_from,
                  "Folder of another study: copy its finished runs of the same configurations")
      .repeated()
      .excludes(dry_run);
  arguments
      .add_flag(
          "--measure-again", options->measure_again,
          "Measure the speeds of a study that was run once more, train nothing, and write its "
          "tables and report anew")
      .excludes(dry_run)
      .excludes(no_measure);
  const Argument join =
      arguments
          .add_flag("--join", options->join,
                    "As one of any number of processes, here or elsewhere, that see the folder: "
                    "each run is trained by one of them")
          .excludes(dry_run);
  arguments
      .add_option("--silence", options->silence,
                  "With --join: seconds without a sign of life after which another process's run "
                  "is taken over")
      .between(1, 86400)
      .with_default()
      .needs(join);
  arguments.add_flag("--status", options->status, "Show what is done and who trains what, and end")
      .excludes(join)
      .excludes(dry_run);
  arguments
      .add_option("--extend", options->extend,
                  "Add the next NUMBER seeds to a finished study, whose folder keeps them for "
                  "later calls. Results say that they were added")
      .excludes(dry_run);
  arguments.footer(
      "A study that was stopped or killed goes on where it was when it is started again, and runs "
      "that failed are tried again. A run that is done is kept as long as its configuration stays "
      "the same, whatever else of the study changes. docs/studies.md explains the file.");
  return [options] {
    if (options->join && (options->measure_again || !options->take_from.empty())) {
      fail<ConfigError>("--join: goes with neither --measure-again nor --take-from");
    }
    leave_launcher();
    if (!options->extend.empty() && (options->status || options->measure_again)) {
      fail<ConfigError>("--extend: goes with neither --status nor --measure-again");
    }
    return run(*options);
  };
}

}  // namespace tessera
