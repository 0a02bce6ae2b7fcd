// The folder of one run: `config.yaml`, `env.json`, `history.jsonl`, `status.json`,
// `metrics.jsonl`, `timing.jsonl`, `val_right.txt` (of classifiers), `test.json` (where a study
// read the test split), `train.log`, `tb/` (events for TensorBoard), `checkpoints/`.
#pragma once

#include <filesystem>
#include <string>

#include "train/train_config.h"

namespace tessera {

struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.yaml"; }
  std::filesystem::path environment() const { return path / "env.json"; }
  std::filesystem::path history() const { return path / "history.jsonl"; }
  std::filesystem::path status() const { return path / "status.json"; }
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  std::filesystem::path timing() const { return path / "timing.jsonl"; }
  std::filesystem::path answers() const { return path / "val_right.txt"; }
  std::filesystem::path test() const { return path / "test.json"; }
  std::filesystem::path log() const { return path / "train.log"; }
  std::filesystem::path events() const { return path / "tb"; }
  std::filesystem::path checkpoints() const { return path / "checkpoints"; }
};

/// Makes the folder of a new run: `wanted` if given, which must be empty or missing, else the first
/// free of `parent/name`, `parent/name-2`, ... It is a run's, which can be resumed, once it has its
/// `config.yaml`; before that it is free for another. Throws CheckpointError if it cannot be used.
RunFolder create_run_folder(const std::filesystem::path& wanted,
                            const std::filesystem::path& parent, const std::string& name);

/// Throws CheckpointError if a new run's folder, which this process holds by now, has become a
/// run's in between.
void check_still_free(const RunFolder& folder);

/// Removes the folder of a new run that could not be described.
void abandon_run_folder(const RunFolder& folder) noexcept;

/// Removes the folder of a new run that failed before its first update, where nothing else is in
/// it. One that has metrics or a checkpoint stays.
void abandon_unstarted_run(const RunFolder& folder) noexcept;

/// The configuration that `path` stands for where one is expected: a run's own, else `path` itself.
std::filesystem::path configuration_at(const std::filesystem::path& path);

/// The folder of a run that exists. Throws CheckpointError if `path` is none.
RunFolder open_run_folder(const std::filesystem::path& path);

}  // namespace tessera
