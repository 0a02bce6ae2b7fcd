// What a run was made with: the configuration and environment of now, and the history of both.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "train/run_folder.h"

namespace tessera {

/// What the bits of a run depend on beside its configuration: program, libraries, CPU, threads
/// and ranks, data.
nlohmann::ordered_json run_environment(std::uint64_t data_hash, int ranks = 1);

/// The keys that have another value in `now`: `optim.lr 0.1 -> 0.2`.
std::vector<std::string> changed_keys(const Config& before, const Config& now);

/// Writes `config.yaml` and `env.json` as they are from update `step` on, and adds a line to
/// `history.jsonl`: date, step, command line and folder, changed keys, environment. Returns what
/// whoever resumes the run should know, at most a line on the configuration and one on the
/// environment. Throws CheckpointError.
std::vector<std::string> describe_run(const RunFolder& folder, const Config& config,
                                      std::uint64_t data_hash, std::int64_t step, int ranks = 1);

/// One start of a run, for people.
struct HistoryEntry {
  std::string date;  ///< UTC; empty: not known
  std::int64_t step = 0;
  std::string command;
  std::vector<std::string> changed;                              ///< keys
  std::vector<std::pair<std::string, std::string>> environment;  ///< names and values
};

/// The lines of `history.jsonl`; none if there is no such file.
std::vector<HistoryEntry> read_history(const RunFolder& folder);

}  // namespace tessera
