#include "study/study_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <system_error>
#include <thread>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudyFile = "study.json";
constexpr const char* kCells = "cells";

void write_file(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

/// What a study knows a run by: equal for equal configurations, also those that an earlier version
/// of the program wrote, with fewer keys.
std::string identity_of(Config config) {
  config.train.out = TrainConfig{}.out;
  return to_yaml(config);
}

/// Eight hexadecimal digits of the FNV-1a hash.
std::string digest(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return fmt::format("{:08x}", (hash ^ (hash >> 32u)) & 0xffffffffu);
}

/// `name` with what file names should not hold replaced.
std::string as_file_name(const std::string& name) {
  constexpr std::size_t kLongest = 100;
  std::string text;
  for (const char c : name.substr(0, kLongest)) {
    const bool plain = (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '.' || c == '_';
    if (plain)
      text += c;
    else if (!text.empty() && text.back() != '-')
      text += '-';
  }
  while (!text.empty() && text.back() == '-') text.pop_back();
  return text;
}

/// The name of the study that works in a folder. Throws ConfigError if none does.
std::string study_of(const fs::path& folder) {
  std::ifstream file(folder / kStudyFile);
  const Json json = try_parse_json(file);
  if (!json.is_object() || !json.contains("study") || !json["study"].is_string()) {
    fail<ConfigError>("{}: is no study's folder: it has no {}", folder.string(), kStudyFile);
  }
  return json["study"].get<std::string>();
}

/// Where a run is put, seen from the study's folder.
fs::path folder_of(const Config& config, const std::string& name) {
  return fs::path(kCells) / fmt::format("{}-{}", as_file_name(name), digest(identity_of(config)));
}

}  // namespace

StudyRuns::StudyRuns(const fs::path& study) : study_(study) {
  study_of(study_);
  std::error_code error;  // a study that has not begun has no runs
  for (const auto& entry : fs::directory_iterator(study_ / kCells, error)) {
    try {
      add(load_config(RunFolder{entry.path()}.config()),
          fs::path(kCells) / entry.path().filename());
    } catch (const Error&) {
      // No configuration, or one that this program does not know: no run that anyone asks for.
    }
  }
}

fs::path StudyRuns::find(const Config& config) const {
  const auto found = runs_.find(identity_of(config));
  return found == runs_.end() ? fs::path{} : found->second;
}

void StudyRuns::add(const Config& config, const fs::path& run) {
  runs_.emplace(identity_of(config), run);
}

StudyFolder::StudyFolder(const fs::path& path, const std::string& name) : path_(path) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error || !fs::is_directory(path_)) {
    fail<CheckpointError>("{}: cannot be made: {}; choose another folder with --out",
                          path_.string(), error ? error.message() : "a file has this name");
  }
  if (fs::exists(path_ / kStudyFile)) {
    const std::string found = study_of(path_);
    if (found != name) {
      fail<ConfigError>("{}: holds the study {}, not {}; choose another folder with --out",
                        path_.string(), found, name);
    }
  } else if (!fs::is_empty(path_)) {
    fail<ConfigError>("{}: is not empty and no study's folder; choose another with --out",
                      path_.string());
  } else {
    write_file(path_ / kStudyFile, json_text(Json{{"study", name}}) + "\n");
  }
  lock();
  fs::create_directories(path_ / kCells);
  fs::remove_all(staging());
  runs_.emplace(path_);
}

StudyFolder::~StudyFolder() {
  if (lock_ >= 0) ::close(lock_);
}

/// Not closed on exec: the runs that this process starts hold the lock as well, so that a run which
/// outlives a killed study is waited for.
void StudyFolder::lock() {
  constexpr auto kPatience = std::chrono::seconds(10);
  const fs::path file = path_ / kStudyFile;
  lock_ = ::open(file.c_str(), O_RDONLY);
  if (lock_ < 0) fail<CheckpointError>("{}: {}", file.string(), std::strerror(errno));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail<CheckpointError>("{}: {}", file.string(), std::strerror(errno));
    if (std::chrono::steady_clock::now() > end) {
      fail<ConfigError>("{}: another tessera is at work on this study", path_.string());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

fs::path StudyFolder::make_run(const Config& config, const std::string& name) {
  if (const fs::path found = find_run(config); !found.empty()) return found;
  const fs::path run = folder_of(config, name);
  fs::create_directories(path_ / run);
  write_file(RunFolder{path_ / run}.config(), to_yaml(config));
  runs_->add(config, run);
  return run;
}

fs::path StudyFolder::copy_run(const Config& config, const std::string& name,
                               const fs::path& source) {
  const fs::path own = find_run(config);
  const fs::path run = own.empty() ? folder_of(config, name) : own;
  fs::copy(source, staging(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  ::syncfs(lock_);  // whole on the disk before it has its name
  fs::remove_all(path_ / run);
  fs::rename(staging(), path_ / run);
  runs_->add(config, run);
  return run;
}

}  // namespace tessera
