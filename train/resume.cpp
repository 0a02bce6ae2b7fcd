#include "train/resume.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/posix.h"
#include "formats/tensorboard/event_file.h"
#include "train/config/config.h"
#include "train/readable.h"
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
                           folder.answers(), folder.test(), folder.status()}) {
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

namespace {

/// Updates that are left of the epoch of `position`.
std::int64_t updates_left(const RunPosition& position, const DataConfig& data,
                          std::int64_t samples) {
  const std::int64_t batches = (samples - position.offset) / data.batch_size - position.batch;
  return std::max<std::int64_t>(0, batches / data.accumulate);
}

}  // namespace

RunPosition first_position(const TrainingLength& length) { return {.total = length.total_steps}; }

bool is_epoch_over(const RunPosition& position, const DataConfig& data, std::int64_t samples) {
  return updates_left(position, data, samples) == 0;
}

RunPosition position_of(const CheckpointMeta& meta, const Config& config,
                        const TrainingLength& length, std::int64_t samples) {
  const DataConfig& data = config.data;
  RunPosition position{.step = meta.step,
                       .epoch = meta.epoch,
                       .batch = meta.samples_in_epoch / data.batch_size,
                       .offset = meta.samples_in_epoch % data.batch_size};
  const std::int64_t per_epoch = length.steps_per_epoch, epochs = config.train.epochs;
  const std::int64_t left = updates_left(position, data, samples);
  constexpr std::int64_t kMostEpochs = 1'000'000;  // of train.epochs
  const std::int64_t images = data.batch_size * data.accumulate;
  const bool counts = meta.epoch <= kMostEpochs && meta.samples_in_epoch % images == 0 &&
                      meta.epoch * per_epoch + meta.samples_in_epoch / images == meta.step;
  if (meta.epoch > kMostEpochs || (meta.checksums.empty() && !counts)) {
    fail<CheckpointError>(
        "the checkpoint stands after update {}, {} images into epoch {}, which {} updates of {} x "
        "{} images an epoch do not lead to, and has no checksum that would tell what is right: "
        "begin a new run with init.weights",
        meta.step, meta.samples_in_epoch, meta.epoch + 1, per_epoch, data.batch_size,
        data.accumulate);
  }
  position.shift = (meta.epoch + 1) * per_epoch - left - meta.step;
  position.total = meta.step;
  if (meta.epoch < epochs) position.total += left + (epochs - meta.epoch - 1) * per_epoch;
  if (config.train.max_steps > 0) {
    position.total = std::min(position.total, config.train.max_steps);
  }
  return position;
}

std::string position_text(const CheckpointMeta& meta, const Config& config,
                          const RunPosition& position) {
  const std::optional<Config> before = config_of(meta);
  const std::int64_t images = config.data.batch_size * config.data.accumulate;
  if (!before || before->data.batch_size * before->data.accumulate == images) return "";
  return fmt::format(
      "an update counts {} images, {} before: epoch {} goes on after {} images, and {} is left",
      images, before->data.batch_size * before->data.accumulate, meta.epoch + 1,
      meta.samples_in_epoch, plural(position.total - position.step, "update"));
}

}  // namespace tessera
