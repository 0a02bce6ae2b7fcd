#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/plan_text.h"
#include "core/error.h"
#include "core/parallel.h"
#include "optim/freeze.h"
#include "optim/schedule.h"
#include "report/run_events.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/open_split.h"
#include "train/plural.h"
#include "train/run_state.h"
#include "train/trainer.h"
#include "train/training_log.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  std::string resume;
  bool dry_run = false;
};

Config read_config(const TrainOptions& options) {
  if (!options.config.empty()) return load_config(options.config, options.overrides);
  return load_config(open_run_folder(options.resume).config(), options.overrides);
}

/// What must be right before a run's folder is made. Nothing if weights are drawn from the seed.
std::optional<InitialModel> prepare_weights(const Config& config, bool starts) {
  if (!config.optim.freeze.empty()) {
    freeze_parameters(Model(config.model).parameters, config.optim.freeze);
  }
  if (config.init.weights.empty() || !starts) return std::nullopt;
  return load_initial_model(config);
}

/// How the peak of the learning rate comes about; nothing if it stands in the configuration.
std::string learning_rate_text(const Config& config) {
  const OptimConfig& optim = config.optim;
  if (optim.lr_scaling == LrScaling::kNone) return "";
  const std::int64_t images = config.data.batch_size * config.data.accumulate;
  const std::string ratio = fmt::format("{} / {}", images, kLrBatch);
  return fmt::format(
      "learning rate {:.4g} = {:.4g} x {} for updates of {} images", scaled_lr(optim, images),
      optim.lr, optim.lr_scaling == LrScaling::kLinear ? ratio : "sqrt(" + ratio + ")", images);
}

int dry_run(const Config& config, const std::optional<InitialModel>& initial) {
  fmt::print("{}", plan_text(config));
  if (const std::string text = learning_rate_text(config); !text.empty()) {
    fmt::print("{}\n", text);
  }
  if (initial) fmt::print("{}\n", fmt::join(initial->report.summary(), "\n"));
  fmt::print("Dry run: nothing was trained or written.\n");
  return kExitOk;
}

/// `: val top-1 83.12 %, best 84.02 %`
std::string last_and_best(const TrainSummary& summary, const Config& config) {
  if (!summary.last || !summary.best) return "";
  const std::string name = "val/" + config.train.best_by;
  const Metric* last = summary.last->metrics.find(name);
  const Metric* best = summary.best->metrics.find(name);
  if (last == nullptr || best == nullptr) return "";
  return fmt::format(": {} {}, best {}", title_of_metric(name), text_of_metric(*last),
                     text_of_metric(*best));
}

int report(const TrainSummary& summary, const Config& config, const RunFolder& folder) {
  if (summary.stop_signal != 0) {
    fmt::print("Stopped after step {}. Go on with: tessera train --resume {}\n", summary.step,
               folder.path.string());
    return 128 + summary.stop_signal;
  }
  fmt::print("Trained for {:.0f} s, up to step {}{}{}.\n", summary.train_seconds, summary.step,
             summary.ended_early ? " (early end)" : "", last_and_best(summary, config));
  fmt::print("Everything is in {}\n", folder.path.string());
  return kExitOk;
}

/// Where a run begins or goes on from.
struct Start {
  std::optional<LoadedCheckpoint> checkpoint;
  std::optional<InitialModel> initial;
};

/// What the run wrote after its last checkpoint goes, so that it is written anew.
std::optional<LoadedCheckpoint> rewind(const RunFolder& folder, bool starts) {
  std::optional<LoadedCheckpoint> checkpoint;
  if (!starts) checkpoint = load_checkpoint(folder.path);
  const std::int64_t step = checkpoint ? checkpoint->meta.step : 0;
  truncate_metrics(folder.metrics(), step);
  truncate_metrics(folder.timing(), step);
  tensorboard::truncate_events(folder.events(), step);
  return checkpoint;
}

TrainSummary train_run(const Config& config, const RunFolder& folder, const Dataset& train,
                       const Dataset& val, Start start, RunSession& session) {
  describe_run(folder, config, train.fingerprint());
  Log log(folder.log());
  Trainer trainer(config, folder.checkpoints(), train, val);
  session.start(trainer.total_steps());
  log.info("{}: {} training and {}, {}, {}, into {}", train.name(), train.size(),
           plural(val.size(), "validation image"), plural(trainer.total_steps(), "step"),
           plural(num_threads(), "thread"), folder.path.string());
  if (const std::string text = validation_notice(config); !text.empty()) log.info("{}", text);
  if (const std::string text = learning_rate_text(config); !text.empty()) log.info("{}", text);
  for (const Dataset* dataset : {&train, &val}) {
    for (const std::string& warning : dataset->take_warnings()) log.info("{}", warning);
  }
  if (start.initial) {
    trainer.start_from(start.initial->model->parameters);
    for (const std::string& line : start.initial->report.summary()) {
      log.info("{}: {}", config.init.weights, line);
    }
    start.initial.reset();
  }
  if (start.checkpoint) {
    trainer.restore(*start.checkpoint,
                    {.evaluations = read_evaluations(folder.metrics()),
                     .updates = read_updates(folder.metrics(), start.checkpoint->meta.epoch + 1)});
    log.info("going on after step {}", start.checkpoint->meta.step);
    start.checkpoint.reset();
  }
  MetricsWriter metrics(folder.metrics(), folder.timing());
  TrainingLog lines(config, log);
  std::optional<tensorboard::RunEvents> events;
  if (config.train.tensorboard && !trainer.finished()) {
    events.emplace(folder.events(), config, trainer.step());
    trainer.observe(*events);
  }
  trainer.observe(metrics);
  trainer.observe(lines);
  return trainer.run();
}

int run(const TrainOptions& options) {
  const Config config = read_config(options);
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  // Data first: a run that cannot start should leave no folder behind.
  const std::unique_ptr<Dataset> training = open_split(config, Split::kTrain);
  const std::unique_ptr<Dataset> val = open_split(config, Split::kVal);
  const bool resuming = !options.resume.empty();
  const bool starts = !resuming || !fs::exists(fs::path(options.resume) / "checkpoints" / "last");
  Start start{.checkpoint = {}, .initial = prepare_weights(config, starts)};
  if (options.dry_run) return dry_run(config, start.initial);
  const RunFolder folder = resuming ? open_run_folder(options.resume)
                                    : create_run_folder(options.out, config.train.out,
                                                        fs::path(options.config).stem().string());
  RunSession session(folder);
  try {
    if (resuming) start.checkpoint = rewind(folder, starts);
    const TrainSummary summary =
        train_run(config, folder, *training, *val, std::move(start), session);
    session.end(summary.stop_signal == 0 ? RunState::kFinished : RunState::kStopped,
                summary.stop_signal == 0 ? "" : strsignal(summary.stop_signal));
    return report(summary, config, folder);
  } catch (const std::exception& error) {
    session.fail(error.what());
    throw;
  }
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
  arguments
      .add_option("--resume", options->resume,
                  "Go on with the run in this folder, bit for bit as if it had never stopped")
      .excludes(out);
  arguments.add_flag("--dry-run", options->dry_run,
                     "Check configuration and data, show the plan, train and write nothing");
  arguments.footer(
      "Without --out the run goes to runs/NAME, NAME being that of the configuration file.\n"
      "--resume takes the run's own configuration; a config file given with it replaces that.\n"
      "Ctrl-C finishes the step, saves a checkpoint and stops; again stops at once.\n"
      "kill -USR1 saves a checkpoint and goes on.");
  return [options] {
    if (options->config.empty() && options->resume.empty()) {
      fail<ConfigError>("train: give a config file, or --resume RUN to go on with a run");
    }
    return run(*options);
  };
}

}  // namespace tessera
