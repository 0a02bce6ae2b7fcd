// Checkpoints of a run: folders `step-N` with model, optimizer state and counters, and the links
// `last` and `best`. A crash or a full disk at any moment leaves the last good one in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"

namespace tessera {

/// `meta.json`: where the run stands.
struct CheckpointMeta {
  std::int64_t step = 0;              ///< optimizer updates done
  std::int64_t epoch = 0;             ///< the epoch of the next batch
  std::int64_t batch_in_epoch = 0;    ///< the next batch in that epoch
  bool ended = false;                 ///< the run is over here, before its last step
  std::optional<double> metric;       ///< train.best_by at this step, if it was measured
  std::optional<double> best_metric;  ///< the best of the run so far
  std::string config;                 ///< the resolved configuration, YAML
};

/// What is saved. Tensors are handles, not copies.
struct CheckpointData {
  CheckpointMeta meta;
  std::vector<NamedTensor> model;  ///< parameters under Tessera's names
  std::vector<NamedTensor> state;  ///< optimizer buffers, EMA, counters
};

/// What is read: see load_weights and restore_tensors for the way back into a model.
struct LoadedCheckpoint {
  std::filesystem::path path;  ///< of `model.safetensors` or the bare file
  bool resumable = false;      ///< false for a bare file: then meta and state are empty
  CheckpointMeta meta;
  TensorFile model;
  TensorFile state;
};

enum class CheckpointChoice : std::uint8_t { kLast, kBest };

/// Writes `folder/step-N`, links `last` to it and, with `is_best`, `best`; then removes the other
/// `step-*` folders and what a crash left. `folder` is made if needed. The same data give the same
/// bytes. Throws CheckpointError with the system's reason; the links are then as they were.
void save_checkpoint(const std::filesystem::path& folder, const CheckpointData& data, bool is_best);

/// `path` is a run's folder, its `checkpoints`, one checkpoint's folder, or a bare `.safetensors`
/// file; the last checkpoint stands in for a best one that is not there yet. Throws CheckpointError
/// if there is none or a file is damaged.
LoadedCheckpoint load_checkpoint(const std::filesystem::path& path,
                                 CheckpointChoice choice = CheckpointChoice::kLast);

/// Where the last checkpoint of a run's folder stands; nothing if it has none. Throws
/// CheckpointError if it is damaged.
std::optional<CheckpointMeta> read_last_meta(const std::filesystem::path& run);

}  // namespace tessera
