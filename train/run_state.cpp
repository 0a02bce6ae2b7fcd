#include "train/run_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
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

/// A process holds the run's lock, which is on its log. Asking takes no lock, so it is in nobody's
/// way.
bool is_held(const RunFolder& folder) {
  const int file = ::open(folder.log().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock = whole_file();
  const bool held = ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return held;
}

}  // namespace

std::string_view to_string(RunState state) { return kNames[static_cast<std::size_t>(state)]; }

StatusRecord read_status(const RunFolder& folder) {
  StatusRecord status;
  const bool held = is_held(folder);  // first: what ends in between has left its word
  std::ifstream file(folder.status());
  const auto json = try_parse_json(file);
  const bool known = json.is_object() && json.contains("state") && json["state"].is_string();
  if (known) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (json["state"] == kNames[i]) status.state = static_cast<RunState>(i);
    }
    status.reason = json.value("reason", "");
    status.total_steps = json.value("total_steps", std::int64_t{0});
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
  lock_ = ::open(folder.log().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) {
    tessera::fail<CheckpointError>("{}: cannot be opened: {}", folder.log().string(),
                                   std::strerror(errno));
  }
  struct flock lock = whole_file();
  if (::fcntl(lock_, F_OFD_SETLK, &lock) == 0) return;
  const int error = errno;
  ::close(lock_);
  if (error == EAGAIN || error == EACCES) {
    tessera::fail<ConfigError>("{}: another tessera is at work on this run", folder.path.string());
  }
  lock_ = -1;  // a file system without locks: the run goes on, seen as what its status says
}

RunSession::~RunSession() {
  if (lock_ >= 0) ::close(lock_);
}

void RunSession::start(std::int64_t total_steps) {
  total_steps_ = total_steps;
  write(RunState::kRunning, "");
}

void RunSession::end(RunState state, const std::string& reason) { write(state, reason); }

void RunSession::fail(const std::string& reason) noexcept {
  try {
    write(RunState::kFailed, reason);
  } catch (const std::exception&) {
    // What it failed of is reported; that this could not be written, by the state.
  }
}

void RunSession::write(RunState state, const std::string& reason) const {
  Json json = {{"state", to_string(state)}, {"total_steps", total_steps_}};
  if (!reason.empty()) json["reason"] = reason;
  AtomicFile file(folder_.status());
  file.write(json_text(json, 2) + "\n");
  file.commit();
}

}  // namespace tessera
