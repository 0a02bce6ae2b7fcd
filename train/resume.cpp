#include "train/resume.h"

#include "core/error.h"
#include "core/posix.h"
#include "formats/tensorboard/event_file.h"
#include "train/config/config.h"
#include "train/run_state.h"

namespace tessera {
namespace {

/// Whether the run had a checkpoint once. Where that was not written down, by version 0.1, an
/// evaluation says so: it saved after each.
bool had_checkpoint(const RunFolder& folder) {
  const std::optional<bool> saved = read_status(folder).has_saved;
  return saved ? *saved : !read_evaluations(folder.metrics()).empty();
}

/// The configuration that the checkpoint was made with, if this program can read it.
std::optional<Config> config_of(const CheckpointMeta& meta) {
  try {
    return parse_config(meta.config);
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<LoadedCheckpoint> find_checkpoint(const RunFolder& folder) {
  if (read_index(folder.checkpoints())) return load_checkpoint(folder.path);
  if (had_checkpoint(folder)) {
    fail<CheckpointError>(
        "{}: the run was saved, but no checkpoint is in {} any more: put it back, or begin anew "
        "and lose the rest with --restart",
        folder.path.string(), folder.checkpoints().string());
  }
  return std::nullopt;
}

void erase_progress(const RunFolder& folder) {
  for (const auto& path : {folder.checkpoints(), folder.metrics(), folder.timing(), folder.events(),
                           folder.answers(), folder.status()}) {
    remove_path(path);
  }
}

TrainingHistory records_until(const RunFolder& folder, const CheckpointMeta& meta,
                              const Config& config, std::vector<std::string>& notes) {
  TrainingHistory history;
  for (EvaluationRecord& record : read_evaluations(folder.metrics())) {
    // What came after the checkpoint is made again, to the same bits.
    if (record.step < meta.step || (record.step == meta.step && meta.metric)) {
      history.evaluations.push_back(std::move(record));
    }
  }
  std::int64_t known = 0;
  for (UpdateRecord& update : read_updates(folder.metrics())) {
    if (update.step > meta.step) break;
    ++known;
    if (update.epoch == meta.epoch + 1) history.updates.push_back(std::move(update));
  }
  if (known < meta.step) {
    notes.push_back(fmt::format("{}: holds {} of {} updates; the run goes on without the others",
                                folder.metrics().string(), known, meta.step));
  }
  const std::optional<Config> before = config_of(meta);
  const bool comparable = before && before->train.best_by == config.train.best_by;
  if (history.evaluations.empty() && meta.best_metric && comparable) {
    history.evaluations.emplace_back().metrics.set("val/" + config.train.best_by,
                                                   *meta.best_metric);
  }
  return history;
}

void rewind_records(const RunFolder& folder, const CheckpointMeta& meta) {
  const bool evaluated = meta.metric.has_value();
  truncate_metrics(folder.metrics(), meta.step, evaluated);
  truncate_metrics(folder.timing(), meta.step, evaluated);
  tensorboard::truncate_events(folder.events(), meta.step);
}

RunPosition position_of(const CheckpointMeta& meta, const Config& config,
                        const TrainingLength& length) {
  const std::int64_t images = config.data.batch_size * config.data.accumulate;
  const bool fits =
      meta.epoch <= meta.step && meta.samples_in_epoch % images == 0 &&
      meta.epoch * length.steps_per_epoch + meta.samples_in_epoch / images == meta.step;
  if (fits) return {meta.step, meta.epoch, meta.samples_in_epoch / config.data.batch_size};
  const std::optional<Config> before = config_of(meta);
  fail<ConfigError>(
      "data.batch_size {} x data.accumulate {}: the run stands after update {}, {} images into "
      "epoch {}, which {} updates of {} images an epoch do not lead to; go on with as many images "
      "an update as before{}, out of as many, or begin a new run with init.weights",
      config.data.batch_size, config.data.accumulate, meta.step, meta.samples_in_epoch,
      meta.epoch + 1, length.steps_per_epoch, images,
      before ? fmt::format(" ({} x {})", before->data.batch_size, before->data.accumulate) : "");
}

}  // namespace tessera
