#include <fmt/core.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/cost_text.h"
#include "cli/together.h"
#include "cli/train_texts.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/parallel.h"
#include "data/class_warnings.h"
#include "optim/update_runs.h"
#include "report/run_events.h"
#include "train/answers_file.h"
#include "train/checkpoint_index.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/open_split.h"
#include "train/readable.h"
#include "train/resume.h"
#include "train/run_history.h"
#include "train/run_state.h"
#include "train/signals.h"
#include "train/teacher.h"
#include "train/trainer.h"
#include "train/training_log.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

struct TrainOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  std::string resume;
  bool restart = false;
  bool dry_run = false;
};

Config read_config(const TrainOptions& options) {
  refuse_folder(options.config);
  if (!options.config.empty()) return load_config(options.config, options.overrides);
  return load_config(open_run_folder(options.resume).config(), options.overrides);
}

/// What a run works with.
struct Parts {
  Communicator& ranks;
  Config config;
  std::unique_ptr<Dataset> training{};
  std::unique_ptr<Dataset> val{};
  std::optional<InitialModel> initial{};  ///< nothing if weights are drawn from the seed
  std::shared_ptr<const Teacher> teacher{};

  Trainer trainer(const std::filesystem::path& checkpoints) const {
    return {config, checkpoints, *training, *val, ranks, teacher};
  }
};

/// What must be right before a run's folder is made.
void prepare_weights(Parts& parts, bool starts) {
  Config& config = parts.config;
  if (!config.optim.freeze.empty()) {
    freeze_parameters(Model(config.model).parameters, config.optim.freeze);
  }
  parts.teacher = find_teacher(config);
  if (config.init.weights.empty() || !starts) return;
  parts.initial = load_initial_model(config);
  adopt_norms(config.model, parts.initial->model->config());
}

void say_what(const Parts& parts, const RunFolder& folder, const Trainer& trainer, Log& log) {
  const std::string threads = plural(num_threads(), "thread");
  log.info(
      "{}: {} training and {}, {}, {}, into {}", parts.training->name(), parts.training->size(),
      plural(parts.val->size(), "validation image"), plural(trainer.total_steps(), "step"),
      parts.ranks.alone() ? threads : fmt::format("{} ranks of {}", parts.ranks.size(), threads),
      folder.path.string());
  for (const std::string& line :
       plan_texts(parts.config, parts.training->size(), parts.teacher.get(), parts.ranks.size())) {
    log.info("{}", line);
  }
  for (const std::string& line : class_warnings(*parts.training, parts.val.get())) {
    log.info("{}", line);
  }
  if (const std::string text = validation_notice(parts.config); !text.empty()) {
    log.info("{}", text);
  }
}

/// Everything that is checked before the first update has passed: now the run says what it is, and
/// trains.
TrainSummary train(const RunFolder& folder, const Parts& parts, Trainer& trainer, Log& log,
                   RunSession& session, SignalGuard& signals) {
  const std::vector<std::string> changes = describe_run(
      folder, parts.config, parts.training->fingerprint(), trainer.step(), parts.ranks.size());
  session.start(trainer.total_steps(), parts.ranks.size());
  signals.heed_stops();
  say_what(parts, folder, trainer, log);
  for (const std::string& line : changes) log.info("{}", line);
  for (const auto& dataset : {std::cref(*parts.training), std::cref(*parts.val)}) {
    for (const std::string& warning : dataset.get().take_warnings()) log.info("{}", warning);
  }
  if (trainer.step() > 0) log.info("going on after step {}", trainer.step());
  SessionObserver state(session);
  MetricsWriter metrics(folder.metrics(), folder.timing());
  std::optional<AnswersWriter> answers;
  TrainingLog lines(parts.config, log);
  std::optional<tensorboard::RunEvents> events;
  trainer.observe(state);
  if (parts.config.train.tensorboard) {
    trainer.observe(
        events.emplace(folder.events(), parts.config, trainer.step(), *parts.training, *parts.val));
  }
  trainer.observe(metrics);
  if (parts.config.task.name == TaskName::kClassification) {
    trainer.observe(answers.emplace(parts.ranks, folder.answers()));
  }
  trainer.observe(lines);
  return trainer.run();
}

TrainSummary train_new(Parts parts, const RunFolder& folder, RunSession& session,
                       SignalGuard& signals) {
  Log log(folder.log());
  Trainer trainer = parts.trainer(folder.checkpoints());
  if (parts.initial) {
    trainer.start_from(parts.initial->model->parameters);
    for (const std::string& line : parts.initial->report.summary()) {
      log.info("{}: {}", parts.config.init.weights, line);
    }
    parts.initial.reset();
  }
  return train(folder, parts, trainer, log, session, signals);
}

/// Takes the checkpoint over. Where its tensors do not fit, it says which keys of the model
/// changed.
void restore(Trainer& trainer, const RunFolder& folder, const Parts& parts,
             const LoadedCheckpoint& checkpoint, const TrainingHistory& history) {
  try {
    trainer.restore(checkpoint, history);
  } catch (const CheckpointError&) {
    std::vector<std::string> keys = changed_keys(load_config(folder.config()), parts.config);
    std::erase_if(keys, [](const std::string& key) { return !key.starts_with("model."); });
    if (keys.empty()) throw;
    fail<ConfigError>(
        "{}: its checkpoint is of another model: {}; a new run starts from its "
        "weights by init.weights",
        folder.path.string(), fmt::join(keys, ", "));
  }
}

/// Nothing is written before the checkpoint has been read, found to fit, and taken over.
TrainSummary train_on(const Parts& parts, const RunFolder& folder, LoadedCheckpoint checkpoint,
                      RunSession& session, SignalGuard& signals) {
  Trainer trainer = parts.trainer(folder.checkpoints());
  std::vector<std::string> notes = std::move(checkpoint.notes);
  restore(trainer, folder, parts, checkpoint,
          records_until(folder, checkpoint.meta, parts.config, notes));
  if (std::string text = position_text(checkpoint.meta, parts.config, trainer.position());
      !text.empty()) {
    notes.push_back(std::move(text));
  }
  if (trainer.finished()) {
    if (complete_index(folder.checkpoints())) {
      notice(
          "{}: nothing is left to train; what was missing is written: which checkpoint is the last",
          folder.path.string());
    } else {
      notice("{}: nothing is left to train, so nothing is written", folder.path.string());
    }
    return trainer.run();
  }
  rewind_records(folder, checkpoint.meta);
  checkpoint = {};
  Log log(folder.log());
  for (const std::string& note : notes) log.info("{}", note);
  return train(folder, parts, trainer, log, session, signals);
}

/// What `train` comes to, and that the run knows it.
template <typename Train>
TrainSummary conclude(RunSession& session, const Train& train) {
  try {
    const TrainSummary summary = train();
    session.check();
    session.end(summary.stop_signal == 0 ? RunState::kFinished : RunState::kStopped,
                summary.stop_signal == 0 ? "" : strsignal(summary.stop_signal));
    return summary;
  } catch (const std::exception& error) {
    session.check();  // whatever a missing folder made fail, that it is missing is the reason
    session.fail(error.what());
    throw;
  }
}

int start(const TrainOptions& options, Parts parts, SignalGuard& signals) {
  const Config config = parts.config;
  const RunFolder folder = create_run_folder(options.out, config.train.out,
                                             std::filesystem::path(options.config).stem().string());
  RunSession session(folder);
  check_still_free(folder);
  try {
    write_atomically(folder.config(), to_yaml(config));
    session.start(0);
  } catch (const std::exception&) {
    abandon_run_folder(folder);
    throw;
  }
  try {
    const TrainSummary summary =
        conclude(session, [&] { return train_new(std::move(parts), folder, session, signals); });
    return report_end(summary, config, folder);
  } catch (const std::exception&) {
    if (session.owns_folder()) abandon_unstarted_run(folder);
    throw;
  }
}

int resume(const TrainOptions& options, Parts parts, SignalGuard& signals) {
  const Config config = parts.config;
  const RunFolder folder = open_run_folder(options.resume);
  RunSession session(folder);
  std::optional<LoadedCheckpoint> checkpoint;
  if (!options.restart) checkpoint = find_checkpoint(folder);
  const TrainSummary summary = conclude(session, [&] {
    if (checkpoint) return train_on(parts, folder, std::move(*checkpoint), session, signals);
    if (options.restart) session.forget();
    if (!options.restart) notice("{}: nothing was saved yet: it begins anew", options.resume);
    erase_progress(folder);
    session.start(0);
    return train_new(std::move(parts), folder, session, signals);
  });
  return report_end(summary, config, folder);
}

/// Another rank than the first: it trains, hands over what it knows, and writes nothing.
int follow(const Parts& parts, SignalGuard& signals) {
  signals.heed_stops();
  Trainer trainer = parts.trainer({});
  AnswersWriter answers(parts.ranks, {});
  if (parts.config.task.name == TaskName::kClassification) trainer.observe(answers);
  const int signal = trainer.run().stop_signal;
  return signal == 0 ? kExitOk : 128 + signal;
}

int run(const TrainOptions& options, Communicator& ranks) {
  SignalGuard signals(SignalGuard::Stops::kAtOnce);
  std::signal(SIGPIPE, SIG_IGN);  // nobody reads what it says: no reason to end a training
  Parts parts{.ranks = ranks, .config = read_config(options)};
  check_storable(parts.config);
  if (parts.config.train.threads > 0) set_num_threads(parts.config.train.threads);
  // Data first: a run that cannot start should leave no folder behind.
  parts.training = open_split(parts.config, Split::kTrain);
  parts.val = open_split(parts.config, Split::kVal);
  if (training_length(parts.config, parts.training->size()).total_steps == 0) {
    fail<ConfigError>("train.epochs 0: there is nothing to train");
  }
  places_of({ranks.rank(), ranks.size()}, parts.config.data.batch_size,
            parts.config.data.augment.mixes());
  if (!ranks.leads()) return options.dry_run ? kExitOk : follow(parts, signals);
  const bool resuming = !options.resume.empty();
  const bool starts =
      !resuming || options.restart || !read_index(RunFolder{options.resume}.checkpoints());
  prepare_weights(parts, starts);
  if (options.dry_run) {
    return print_dry_run(parts.config,
                         plan_texts(parts.config, parts.training->size(), parts.teacher.get()),
                         parts.initial);
  }
  return resuming ? resume(options, std::move(parts), signals)
                  : start(options, std::move(parts), signals);
}

}  // namespace

Action add_train_command(Arguments& arguments) {
  auto options = std::make_shared<TrainOptions>();
  arguments.add_option("config", options->config, "Configuration file (YAML)");
  arguments
      .add_option("--set", options->overrides,
                  "Override a key: --set train.epochs=3 --set data.augment.flip=true")
      .repeated();
  const Argument out =
      arguments.add_option("--out", options->out, "Folder of the run; must be empty or missing");
  const Argument resume =
      arguments
          .add_option("--resume", options->resume,
                      "Go on with the run in this folder, bit for bit as if it had never stopped")
          .excludes(out);
  arguments
      .add_flag("--restart", options->restart,
                "With --resume: begin anew, and lose the run's checkpoints and metrics")
      .needs(resume);
  arguments.add_flag("--dry-run", options->dry_run,
                     "Check configuration and data, show the plan, train and write nothing");
  arguments.footer(
      "Without --out the run goes to runs/NAME, NAME being that of the configuration file.\n"
      "--resume takes the run's own configuration; a config file given with it replaces that.\n"
      "Ctrl-C, SIGTERM or SIGHUP finish the step, save a checkpoint and stop; again stop at once.\n"
      "kill -USR1 saves a checkpoint, says where the run stands, and goes on.");
  return [options] {
    if (options->config.empty() && options->resume.empty()) {
      fail<ConfigError>("train: give a config file, or --resume RUN to go on with a run");
    }
    return run_together([options](Communicator& ranks) { return run(*options, ranks); });
  };
}

}  // namespace tessera
