// The folder of one run: `config.yaml`, `env.json`, `status.json`, `metrics.jsonl`, `timing.jsonl`,
// `train.log`, `tb/` (events for TensorBoard), `checkpoints/`.
#pragma once

#include <filesystem>
#include <string>

#include "train/train_config.h"

namespace tessera {

struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.yaml"; }
  std::filesystem::path environment() const { return path / "env.json"; }
  std::filesystem::path status() const { return path / "status.json"; }
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  std::filesystem::path timing() const { return path / "timing.jsonl"; }
  std::filesystem::path log() const { return path / "train.log"; }
  std::filesystem::path events() const { return path / "tb"; }
  std::filesystem::path checkpoints() const { return path / "checkpoints"; }
};

/// Makes the folder of a new run: `wanted` if given, which must be empty or missing, else the first
/// free of `parent/name`, `parent/name-2`, ... Throws CheckpointError if it cannot be used.
RunFolder create_run_folder(const std::filesystem::path& wanted,
                            const std::filesystem::path& parent, const std::string& name);

/// The folder of a run that exists. Throws CheckpointError if `path` is none.
RunFolder open_run_folder(const std::filesystem::path& path);

/// Writes `config.yaml` and `env.json` (build, CPU, threads, libraries, hash of the data).
void describe_run(const RunFolder& folder, const Config& config, std::uint64_t data_hash);

}  // namespace tessera
