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

/// Where a run stands: `batch` of `epoch` comes next.
struct RunPosition {
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
};

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

/// Where `meta` stands for a training as `config` has it, of this `length`. Throws ConfigError if
/// updates are counted otherwise there: the number of images an update, and of updates an epoch,
/// must be what it was.
RunPosition position_of(const CheckpointMeta& meta, const Config& config,
                        const TrainingLength& length);

}  // namespace tessera
