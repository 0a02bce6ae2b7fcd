// The folder of a study: its runs under `cells/`, its results beside them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "train/train_config.h"

namespace tessera {

class StudyFolder {
 public:
  /// Makes the folder or opens what an earlier start of the study `name` left. Throws ConfigError
  /// if it holds something else, or another process works on it.
  StudyFolder(const std::filesystem::path& path, const std::string& name);
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;
  ~StudyFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path speeds() const { return path_ / "speeds.json"; }

  /// The folder of the run of just this configuration, whatever study, cell and seed it was made
  /// for; empty if there is none. Relative to the study's folder.
  std::filesystem::path find_run(const Config& config) const;

  /// The same; made if there is none. `name` becomes part of the name of a new folder.
  std::filesystem::path make_run(const Config& config, const std::string& name);

 private:
  void lock();
  void read_runs();

  std::filesystem::path path_;
  int lock_ = -1;
  std::map<std::string, std::filesystem::path> runs_;  ///< by resolved configuration
};

}  // namespace tessera
