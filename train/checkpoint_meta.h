// `meta.json` of a checkpoint: where the run stands, and the checksums of the files beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace tessera {

struct CheckpointMeta {
  std::int64_t step = 0;              ///< optimizer updates done
  std::int64_t epoch = 0;             ///< the epoch of the next batch
  std::int64_t samples_in_epoch = 0;  ///< training samples of that epoch that were used
  bool ended = false;                 ///< the run is over here, before its last step
  std::optional<double> metric;       ///< train.best_by at this step, if it was measured
  std::optional<double> best_metric;  ///< the best of the run so far
  std::string config;                 ///< the resolved configuration, YAML

  /// By file name; empty in checkpoints of version 0.1.
  std::map<std::string, std::string> checksums{};
};

/// The text of the file, with a checksum of itself.
std::string encode_meta(const CheckpointMeta& meta);

/// `path` stands for the file in messages. Throws CheckpointError if anything in it is damaged,
/// negative or of another version.
CheckpointMeta decode_meta(const std::string& text, const std::filesystem::path& path);

}  // namespace tessera
