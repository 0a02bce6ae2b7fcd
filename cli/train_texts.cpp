#include "cli/train_texts.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/cost_text.h"
#include "core/error.h"
#include "core/text.h"
#include "optim/schedule.h"
#include "train/readable.h"
#include "train/teacher.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

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

}  // namespace

std::vector<std::string> plan_texts(const Config& config, std::int64_t samples,
                                    const Teacher* teacher, int ranks) {
  std::vector<std::string> lines = schedule_notices(config, training_length(config, samples));
  if (const std::string text = learning_rate_text(config); !text.empty()) {
    lines.insert(lines.begin(), text);
  }
  if (teacher != nullptr) lines.push_back(teacher->text());
  for (std::string& line : plan_warnings(config, samples, ranks)) lines.push_back(std::move(line));
  return lines;
}

void refuse_folder(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return;
  if (std::filesystem::exists(RunFolder{path}.config(), ignored)) {
    fail<ConfigError>("{}: is a run: tessera train --resume {} goes on with it", path, path);
  }
  fail<ConfigError>(
      "{}: is a folder, and train takes a configuration: tessera init {} writes one for the images "
      "in it",
      path, path);
}

int print_dry_run(const Config& config, const std::vector<std::string>& plan,
                  const std::optional<InitialModel>& initial) {
  fmt::print("{}", plan_text(config));
  for (const std::string& line : plan) fmt::print("{}\n", line);
  if (initial) fmt::print("{}\n", fmt::join(initial->report.summary(), "\n"));
  fmt::print("Dry run: nothing was trained or written.\n");
  return kExitOk;
}

int report_end(const TrainSummary& summary, const Config& config, const RunFolder& folder) {
  if (summary.stop_signal != 0) {
    fmt::print("Stopped after step {}. Go on with: tessera train --resume {}\n", summary.step,
               folder.path.string());
    return 128 + summary.stop_signal;
  }
  fmt::print("Trained for {:.0f} s, up to step {}{}{}.\n", summary.train_seconds, summary.step,
             summary.ended_early ? " (early end)" : "", last_and_best(summary, config));
  fmt::print("Everything is in {}\n", shown(folder.path.string()));
  return kExitOk;
}

}  // namespace tessera
