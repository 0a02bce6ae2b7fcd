// Seeds that were added to a study once its results had been seen: `added_seeds.json` in its
// folder, so that all later calls go on with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "study/study.h"

namespace tessera {

/// Gives `study` the seeds that were added in its folder, if it is there, beside its own. Throws
/// DataError if the file is damaged.
void take_added_seeds(Study& study, const std::filesystem::path& folder);

/// Adds the `count` seeds after the largest and writes that down. Throws ConfigError if there are
/// no such seeds.
void add_seeds(Study& study, std::int64_t count, const std::filesystem::path& folder);

/// How often results were looked at with the choice to go on: one more than seeds were added.
inline std::int64_t looks_of(const std::vector<std::vector<std::int64_t>>& added) {
  return static_cast<std::int64_t>(added.size()) + 1;
}

/// What that means for the intervals of a study with `seeds` in all, in two sentences; empty if
/// none were added.
std::string added_seeds_note(const std::vector<std::int64_t>& seeds,
                             const std::vector<std::vector<std::int64_t>>& added);

}  // namespace tessera
