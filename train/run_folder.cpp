#include "train/run_folder.h"

#include <algorithm>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "train/run_state.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Nothing but what a process leaves that ended before the run had its configuration.
bool is_free(const fs::path& path) {
  std::error_code error;
  if (!is_there(path)) return true;
  if (!fs::is_directory(path, error)) return false;
  const RunFolder folder{path};
  const std::vector<std::string> names = names_in(path);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return is_temporary_name(name) ||
           (name == folder.log().filename() && fs::file_size(folder.log(), error) == 0);
  });
}

/// True if it was not there before.
bool make_folders(const fs::path& path) {
  std::error_code error;
  bool made = false;
  uninterrupted(error, [&](std::error_code& e) { made |= fs::create_directories(path, e); });
  if (error) {
    fail<CheckpointError>("{}: cannot be made: {}; choose another folder with --out", path.string(),
                          error.message());
  }
  return made;
}

[[noreturn]] void fail_taken(const fs::path& path) {
  fail<CheckpointError>(
      "{}: is not empty; choose another folder with --out, or go on with --resume {}",
      path.string(), path.string());
}

}  // namespace

RunFolder create_run_folder(const fs::path& wanted, const fs::path& parent,
                            const std::string& name) {
  if (!wanted.empty()) {
    std::error_code ignored;
    if (fs::is_regular_file(wanted, ignored)) {
      fail<CheckpointError>("{}: is a file; choose a folder with --out", wanted.string());
    }
    if (!is_free(wanted)) fail_taken(wanted);
    make_folders(wanted);
    return {wanted};
  }
  for (int i = 1;; ++i) {
    const fs::path path = parent / (i == 1 ? name : fmt::format("{}-{}", name, i));
    if (is_there(path) && (!is_free(path) || is_held({path}))) continue;
    const bool left = is_there(path);
    if (make_folders(path) || left) return {path};
    // Another process was faster.
  }
}

void check_still_free(const RunFolder& folder) {
  if (!is_free(folder.path)) fail_taken(folder.path);
}

void abandon_run_folder(const RunFolder& folder) noexcept {
  try {
    if (!is_free(folder.path)) return;
    sweep_temporary_files(folder.path);
    remove_path(folder.log());
    std::error_code not_empty;
    fs::remove(folder.path, not_empty);
  } catch (const std::exception&) {
    // What is left is free for another try.
  }
}

void abandon_unstarted_run(const RunFolder& folder) noexcept {
  try {
    if (is_there(folder.checkpoints()) && !fs::is_empty(folder.checkpoints())) return;
    if (is_there(folder.metrics()) && fs::file_size(folder.metrics()) > 0) return;
    for (const fs::path& path :
         {folder.checkpoints(), folder.metrics(), folder.timing(), folder.events(),
          folder.answers(), folder.status(), folder.history(), folder.environment(),
          folder.config(), folder.log()}) {
      remove_path(path);
    }
    std::error_code not_empty;
    fs::remove(folder.path, not_empty);
  } catch (const std::exception&) {
    // What is left can be looked at.
  }
}

fs::path configuration_at(const fs::path& path) {
  const RunFolder folder{path};
  std::error_code error;
  return fs::is_regular_file(folder.config(), error) &&
                 (fs::exists(folder.log(), error) || fs::exists(folder.checkpoints(), error))
             ? folder.config()
             : path;
}

RunFolder open_run_folder(const fs::path& path) {
  const RunFolder folder{path};
  if (!is_there(folder.config())) {
    fail<CheckpointError>("{}: is no run's folder: it has no config.yaml", path.string());
  }
  return folder;
}

}  // namespace tessera
