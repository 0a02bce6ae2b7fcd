#include "study/study_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudyFile = "study.json";
constexpr const char* kCells = "cells";

constexpr auto kPatience = std::chrono::seconds(10);

/// Nothing but what another process is making a study's folder of.
bool is_free(const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return is_temporary_name(name) || name == kStudyFile || name == kCells;
  });
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
  const Json json = try_parse_json(read_if_there(folder / kStudyFile).value_or(""));
  if (!json.is_object() || !json.contains("study") || !json["study"].is_string()) {
    fail<ConfigError>("{}: is no study's folder: it has no {}", folder.string(), kStudyFile);
  }
  return json["study"].get<std::string>();
}

/// Where a run is put, seen from the study's folder.
fs::path folder_of(const std::string& identity, const std::string& name) {
  return fs::path(kCells) / fmt::format("{}-{}", as_file_name(name), digest(identity));
}

}  // namespace

StudyRuns::StudyRuns(const fs::path& study, RunIdentity identity)
    : study_(study), identity_(std::move(identity)) {
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
  const auto found = runs_.find(identity_.of(config));
  return found == runs_.end() ? fs::path{} : found->second;
}

void StudyRuns::add(const Config& config, const fs::path& run) {
  runs_.emplace(identity_.of(config), run);
}

std::string run_name(const std::string& cell, std::int64_t seed) {
  return fmt::format("{}_seed {}", cell, seed);
}

std::string run_key(const StudyRuns& runs, const Config& config, const std::string& name) {
  const fs::path found = runs.find(config);
  return (found.empty() ? folder_of(runs.identity().of(config), name) : found).filename();
}

StudyFolder::StudyFolder(const fs::path& path, const std::string& name, const RunIdentity& identity,
                         Use use)
    : path_(path) {
  std::error_code error;
  uninterrupted(error, [&](std::error_code& e) { fs::create_directories(path_, e); });
  if (error || !fs::is_directory(path_)) {
    fail<CheckpointError>("{}: cannot be made: {}; choose another folder with --out",
                          path_.string(), error ? error.message() : "a file has this name");
  }
  claim(name, use);
  make_folder(path_ / kCells);
  if (use == Use::kAlone) {
    sweep_temporary_files(path_);
    for (const auto& run : fs::directory_iterator(path_ / kCells)) {
      sweep_temporary_files(run.path());
      sweep_temporary_files(RunFolder{run.path()}.checkpoints());
    }
    remove_path(staging());
    remove_path(claims());
  }
  runs_.emplace(path_, identity);
}

/// Makes the folder that of the study `name` and holds it. Of two that begin at once the one whose
/// file is there first has it.
void StudyFolder::claim(const std::string& name, Use use) {
  const fs::path file = path_ / kStudyFile;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (!is_there(file)) {
      if (!is_free(path_)) {
        fail<ConfigError>("{}: is not empty and no study's folder; choose another with --out",
                          path_.string());
      }
      write_if_absent(file, nlohmann::json{{"study", name}}.dump() + "\n");
    }
    if (const std::string found = study_of(path_); found != name) {
      fail<ConfigError>("{}: holds the study {}, not {}; choose another folder with --out",
                        path_.string(), found, name);
    }
    if (lock(file, use)) return;
    if (std::chrono::steady_clock::now() > end) {
      fail<ConfigError>("{}: another tessera is at work on this study{}", path_.string(),
                        use == Use::kJoined ? ", without --join" : "");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// True if the file, as it is named now, is locked. Not closed on exec: the runs that this process
/// starts hold the lock as well, so that a run which outlives a killed study is waited for.
bool StudyFolder::lock(const fs::path& file, Use use) {
  Descriptor open(uninterrupted([&] { return ::open(file.c_str(), O_RDONLY | O_NONBLOCK); }));
  if (!open) fail<CheckpointError>("{}: {}", file.string(), std::strerror(errno));
  const int mode = use == Use::kJoined ? LOCK_SH : LOCK_EX;
  if (uninterrupted([&] { return ::flock(open.get(), mode | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (use == Use::kJoined) return true;  // claims do without the locks of the file system
    fail<CheckpointError>("{}: {}", file.string(), std::strerror(errno));
  }
  struct stat own {};
  struct stat named {};
  const bool same = ::fstat(open.get(), &own) == 0 && ::stat(file.c_str(), &named) == 0 &&
                    own.st_dev == named.st_dev && own.st_ino == named.st_ino;
  if (same) lock_ = std::move(open);
  return same;
}

void StudyFolder::refresh() {
  const RunIdentity identity = runs_->identity();
  runs_.emplace(path_, identity);
}

fs::path StudyFolder::make_run(const Config& config, const std::string& name) {
  if (const fs::path found = find_run(config); !found.empty()) return found;
  const fs::path run = folder_of(runs_->identity().of(config), name);
  make_folder(path_ / run);
  write_atomically(RunFolder{path_ / run}.config(), to_yaml(config));
  runs_->add(config, run);
  return run;
}

fs::path StudyFolder::copy_run(const Config& config, const std::string& name,
                               const fs::path& source) {
  const fs::path own = find_run(config);
  const fs::path run = own.empty() ? folder_of(runs_->identity().of(config), name) : own;
  fs::copy(source, staging(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  ::syncfs(lock_.get());  // whole on the disk before it has its name
  fs::remove_all(path_ / run);
  fs::rename(staging(), path_ / run);
  runs_->add(config, run);
  return run;
}

}  // namespace tessera
