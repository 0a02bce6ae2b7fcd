// Which of a run's checkpoints is the last and which the best: `checkpoints.json`, one file, so
// that both change in one instant and any tool can copy it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

enum class CheckpointChoice : std::uint8_t { kLast, kBest };

/// `last`, `best`
std::string_view to_string(CheckpointChoice choice);

struct CheckpointIndex {
  std::string last;  ///< names of folders beside the file
  std::string best;  ///< empty: none yet
  std::string note;  ///< one line, if the file was not there and they had to be worked out

  /// The last checkpoint stands in for a best one that is not there yet.
  const std::string& at(CheckpointChoice choice) const {
    return choice == CheckpointChoice::kBest && !best.empty() ? best : last;
  }
};

inline constexpr const char* kMetaFile = "meta.json";
inline constexpr const char* kIndexFile = "checkpoints.json";

/// `step-N`
std::string step_name(std::int64_t step);

/// True for `step-N`, and for `step-N.2`, `step-N.3`: a step that was saved again.
bool is_step_name(std::string_view name);

/// Reads the index of the folder `checkpoints`. Version 0.1 had links instead, which some tools
/// copy as folders or leave out: then it is worked out from what is there. Nothing if there is no
/// checkpoint; throws CheckpointError if what is there cannot be read.
std::optional<CheckpointIndex> read_index(const std::filesystem::path& folder);

/// Writes down what read_index worked out, if it had to: of a run whose very last call failed, or
/// that was copied in part. True if it did. Throws as both do.
bool complete_index(const std::filesystem::path& folder);

/// Writes it. Throws CheckpointError; the index is then as it was.
void write_index(const std::filesystem::path& folder, const CheckpointIndex& index);

}  // namespace tessera
