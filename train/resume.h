// Going on with a run: whether there is something to go on from, where it stands, what it measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/checkpoint.h"
#include "train/metrics_file.h"
#include "train/run_folder.h"
#include "train/training_plan.h"

namespace tessera {

/// Where a run stands: `batch` of `epoch` comes next. Of one that began with updates of another
/// size the images that were seen count, not the updates: the epoch goes on at the next image, and
/// the schedule at the same share of the run.
struct RunPosition {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::int64_t offset = 0;  ///< images of the epoch before batch 0: see Loader::start_epoch
  std::int64_t total = 0;   ///< updates when the run is over
  std::int64_t shift = 0;   ///< updates that it would count more, had all been of the present size

  /// Training images of the epoch that were used.
  std::int64_t images(std::int64_t batch_size) const { return offset + batch * batch_size; }
};

/// The beginning of a run.
RunPosition first_position(const TrainingLength& length);

/// Whether what is left of the epoch, of `samples` images, fills no update.
bool is_epoch_over(const RunPosition& position, const DataConfig& data, std::int64_t samples);

/// What a run has written before it is gone on with.
struct TrainingHistory {
  std::vector<EvaluationRecord> evaluations;
  std::vector<UpdateRecord> updates;  ///< of the epoch that goes on
};

/// The run's last checkpoint; nothing if it never wrote one. Throws CheckpointError if it did and
/// none is there any more, or if it cannot be read: then nothing is touched.
std::optional<LoadedCheckpoint> find_checkpoint(const RunFolder& folder);

/// Removes what a run has trained and measured, so that it begins anew. Throws CheckpointError.
void erase_progress(const RunFolder& folder);

/// What the run wrote up to its checkpoint. Where records are missing, a line says so in `notes`,
/// and what the checkpoint calls the best so far stands for them. Throws CheckpointError.
TrainingHistory records_until(const RunFolder& folder, const CheckpointMeta& meta,
                              const Config& config, std::vector<std::string>& notes);

/// Drops what the run wrote after its checkpoint, so that it is written anew. Throws
/// CheckpointError, nothing being lost, if a file cannot be read.
void rewind_records(const RunFolder& folder, const CheckpointMeta& meta);

/// Where `meta` stands for a training on `samples` images as `config` has it, of this `length`.
/// Throws CheckpointError if `meta` has no checksum and its update is not that of its epoch.
RunPosition position_of(const CheckpointMeta& meta, const Config& config,
                        const TrainingLength& length, std::int64_t samples);

/// What it means that an update counts as many images as `config` says, if the checkpoint was made
/// with other updates; else empty.
std::string position_text(const CheckpointMeta& meta, const Config& config,
                          const RunPosition& position);

}  // namespace tessera
