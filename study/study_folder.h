// The folder of a study: its runs under `cells/`, its results beside them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/posix.h"
#include "study/run_identity.h"
#include "train/train_config.h"

namespace tessera {

/// The runs in a study's folder, known by what their configurations train: see RunIdentity.
class StudyRuns {
 public:
  /// Throws ConfigError if `study` is no study's folder.
  explicit StudyRuns(const std::filesystem::path& study, RunIdentity identity = {});

  /// The folder of the run of such a configuration, whatever study, cell and seed it was made
  /// for; empty if there is none. Relative to the study's folder.
  std::filesystem::path find(const Config& config) const;

  void add(const Config& config, const std::filesystem::path& run);
  const std::filesystem::path& study() const { return study_; }
  const RunIdentity& identity() const { return identity_; }

 private:
  std::filesystem::path study_;
  RunIdentity identity_;
  std::map<std::string, std::filesystem::path> runs_;  ///< by identity
};

/// What a new run of a cell is called.
std::string run_name(const std::string& cell, std::int64_t seed);

/// What a run is claimed by: the name of its folder, whether that is there or not yet.
std::string run_key(const StudyRuns& runs, const Config& config, const std::string& name);

/// Where those who work on a study together claim runs: see Claims.
inline std::filesystem::path claims_of(const std::filesystem::path& study) {
  return study / "claims";
}

class StudyFolder {
 public:
  /// Whether other processes may work on the study at the same time, all of them joined.
  enum class Use : bool { kAlone, kJoined };

  /// Makes the folder or opens what an earlier start of the study `name` left. Throws ConfigError
  /// if it holds something else, or another process works on it that this one cannot join.
  StudyFolder(const std::filesystem::path& path, const std::string& name,
              const RunIdentity& identity = {}, Use use = Use::kAlone);
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path speeds() const { return path_ / "speeds.json"; }

  std::filesystem::path claims() const { return claims_of(path_); }

  /// Looks for runs that others have made meanwhile.
  void refresh();

  const StudyRuns& runs() const { return *runs_; }

  /// As StudyRuns::find.
  std::filesystem::path find_run(const Config& config) const { return runs_->find(config); }

  /// The same; made if there is none. `name` becomes part of the name of a new folder.
  std::filesystem::path make_run(const Config& config, const std::string& name);

  /// A copy of `source`, the folder of a run of such a configuration; it takes the place of an
  /// own one. Killed at any moment it leaves a whole run or none.
  std::filesystem::path copy_run(const Config& config, const std::string& name,
                                 const std::filesystem::path& source);

 private:
  void claim(const std::string& name, Use use);
  bool lock(const std::filesystem::path& file, Use use);
  std::filesystem::path staging() const { return path_ / "copying"; }

  std::filesystem::path path_;
  Descriptor lock_;
  std::optional<StudyRuns> runs_;  ///< once the folder is ours
};

}  // namespace tessera
