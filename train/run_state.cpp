#include "train/run_state.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/json.h"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"new", "running", "finished", "stopped",
                                                    "failed"};

/// The whole file, for one writer.
struct flock whole_file() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// The file that `path` names is the open one.
bool is_same_file(const Descriptor& open, const std::filesystem::path& path) {
  struct stat own {};
  struct stat named {};
  return ::fstat(open.get(), &own) == 0 &&
         uninterrupted([&] { return ::stat(path.c_str(), &named); }) == 0 &&
         own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

}  // namespace

// The run's lock is on its log. Asking takes no lock, so it is in nobody's way.
bool is_held(const RunFolder& folder) {
  const Descriptor file = open_file(folder.log(), O_RDONLY);
  if (!file) return false;
  struct flock lock = whole_file();
  return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::string_view to_string(RunState state) { return kNames[static_cast<std::size_t>(state)]; }

std::string state_text(const StatusRecord& status) {
  std::string text(to_string(status.state));
  if (status.ranks > 1) text += fmt::format(" ({} ranks)", status.ranks);
  return text;
}

StatusRecord read_status(const RunFolder& folder) {
  StatusRecord status;
  const bool held = is_held(folder);  // first: what ends in between has left its word
  const Json json = try_parse_json(read_if_there(folder.status()).value_or(""));
  const bool known = json.is_object() && json.contains("state") && json["state"].is_string();
  if (known) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (json["state"] == kNames[i]) status.state = static_cast<RunState>(i);
    }
    status.reason = json.value("reason", "");
    status.total_steps = json.value("total_steps", std::int64_t{0});
    status.ranks = json.value("ranks", 1);
    if (json.contains("saved")) status.has_saved = json["saved"] == true;
  } else {
    std::error_code missing;
    const auto size = std::filesystem::file_size(folder.metrics(), missing);
    if (!missing && size > 0) status.state = RunState::kStopped;
  }
  if (held) {
    status.state = RunState::kRunning;
    status.reason.clear();
  } else if (status.state == RunState::kRunning) {
    status.state = RunState::kFailed;
    status.reason = "killed, or the machine went down";
  }
  return status;
}

RunSession::RunSession(const RunFolder& folder) : folder_(folder) {
  log_ = open_file(folder.log(), O_RDWR | O_CREAT);
  if (!log_) {
    tessera::fail<CheckpointError>("{}: cannot be opened: {}", folder.log().string(),
                                   std::strerror(errno));
  }
  struct flock lock = whole_file();
  const bool taken = uninterrupted([&] { return ::fcntl(log_.get(), F_OFD_SETLK, &lock); }) != 0 &&
                     (errno == EAGAIN || errno == EACCES);
  if (taken) {
    tessera::fail<ConfigError>("{}: another tessera is at work on this run", folder.path.string());
  }
  // Of a file system without locks: the run goes on, seen as what its status says.
  sweep_temporary_files(folder.path);
  const StatusRecord before = read_status(folder);
  total_steps_ = before.total_steps;
  has_saved_ = before.has_saved;
}

void RunSession::start(std::int64_t total_steps, int ranks) {
  total_steps_ = total_steps;
  ranks_ = ranks;
  has_started_ = true;
  if (!has_saved_) has_saved_ = is_there(folder_.checkpoints());  // of version 0.1
  write(RunState::kRunning, "");
}

void RunSession::saved() {
  if (has_saved_ == true) return;
  has_saved_ = true;
  write(RunState::kRunning, "");
}

bool RunSession::owns_folder() const { return is_same_file(log_, folder_.log()); }

void RunSession::check() const {
  if (owns_folder()) return;
  tessera::fail<CheckpointError>(
      "{}: was removed or replaced while the run was at work in it; what it trained since its last "
      "checkpoint is lost",
      folder_.path.string());
}

void RunSession::end(RunState state, const std::string& reason) { write(state, reason); }

void RunSession::fail(const std::string& reason) noexcept {
  if (!has_started_) return;
  try {
    write(RunState::kFailed, reason);
  } catch (const std::exception&) {
    // What it failed of is reported; that this could not be written, by the state.
  }
}

void RunSession::write(RunState state, const std::string& reason) const {
  Json json = {{"state", to_string(state)}, {"total_steps", total_steps_}};
  if (ranks_ > 1) json["ranks"] = ranks_;
  if (has_saved_) json["saved"] = *has_saved_;
  if (!reason.empty()) json["reason"] = reason;
  write_atomically(folder_.status(), json_text(json, 2) + "\n");
}

}  // namespace tessera
