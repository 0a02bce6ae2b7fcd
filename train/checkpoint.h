// Checkpoints of a run: folders `step-N` with model, optimizer state and counters, and one file,
// `checkpoints.json`, that says which is the last and which the best. A crash or a full disk at any
// moment leaves what was last and best in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/quantization.h"
#include "formats/safetensors.h"
#include "train/checkpoint_index.h"
#include "train/checkpoint_meta.h"

namespace tessera {

/// What is saved. Tensors are handles, not copies.
struct CheckpointData {
  CheckpointMeta meta;             ///< checksums are filled in
  std::vector<NamedTensor> model;  ///< what is evaluated, under Tessera's names
  std::vector<NamedTensor> state;  ///< optimizer buffers, trained weights beside averages, counters
};

/// What is read: see load_weights and restore_tensors for the way back into a model.
struct LoadedCheckpoint {
  std::filesystem::path path;  ///< of `model.safetensors` or the bare file
  bool resumable = false;      ///< false for a bare file: then meta and state are empty
  CheckpointMeta meta;
  TensorFile model;
  TensorFile state;
  std::vector<std::string> notes;  ///< a line each: what whoever loads it should know
};

/// Writes `folder/step-N` and then, in one instant, that it is the last and, with `is_best`, the
/// best one; then removes the other `step-*` folders and what a crash left. `folder` is made if
/// needed, in one that is there. The same data give the same bytes. Throws CheckpointError with the
/// system's reason; last and best are then as they were.
void save_checkpoint(const std::filesystem::path& folder, const CheckpointData& data, bool is_best);

/// `path` is a run's folder, its `checkpoints`, one checkpoint's folder (also `checkpoints/last` or
/// `checkpoints/best`), or a bare `.safetensors` file; the last checkpoint stands in for a best one
/// that is not there yet. Throws CheckpointError if there is none, or if any bit of it is not as it
/// was written.
LoadedCheckpoint load_checkpoint(const std::filesystem::path& path,
                                 CheckpointChoice choice = CheckpointChoice::kLast);

/// The meta.json alone of the checkpoint that load_checkpoint would read. Throws CheckpointError.
CheckpointMeta read_checkpoint_meta(const std::filesystem::path& path,
                                    CheckpointChoice choice = CheckpointChoice::kLast);

/// The weights that `path` means: those of a checkpoint as load_checkpoint finds it, the best one
/// of a run, or the file or folder itself in any format that read_weights knows. Notes go to
/// standard error. Weights of 8 bits become F32, and their codes go to `codes`, if given.
/// Throws CheckpointError.
TensorFile load_model_file(const std::filesystem::path& path, Quantization* codes = nullptr);

/// Where the last checkpoint of a run's folder stands; nothing if it has none. Throws
/// CheckpointError if it is damaged.
std::optional<CheckpointMeta> read_last_meta(const std::filesystem::path& run);

}  // namespace tessera
