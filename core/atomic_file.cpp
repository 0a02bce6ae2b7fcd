#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include "core/error.h"

namespace tessera {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = ".tmp-";

[[noreturn]] void fail_errno(std::string_view action, const fs::path& path, int error) {
  fail<CheckpointError>("[{}] {}: {}", action, path.string(), std::strerror(error));
}

/// What of `st_mode` says which kind of file `path` is, links followed; 0 if there is none.
mode_t kind_of(const fs::path& path) {
  struct stat info {};
  const int found = uninterrupted([&] { return ::stat(path.c_str(), &info); });
  return found == 0 ? info.st_mode & S_IFMT : 0;
}

bool is_device(const fs::path& path) {
  const mode_t kind = kind_of(path);
  return kind != 0 && kind != S_IFREG && kind != S_IFDIR;
}

/// Opens a device or a pipe to write to. A pipe without a reader would be waited for, maybe for
/// ever: who started both at once is given time.
Descriptor open_device(const fs::path& path) {
  if (kind_of(path) != S_IFIFO) return open_file(path, O_WRONLY);
  constexpr int kTries = 200;
  constexpr auto kPause = std::chrono::milliseconds(10);
  Descriptor file;
  for (int i = 0; i < kTries; ++i) {
    file = open_file(path, O_WRONLY | O_NONBLOCK);
    if (file || errno != ENXIO) break;
    std::this_thread::sleep_for(kPause);
  }
  if (!file && errno == ENXIO) {
    fail<CheckpointError>("[write] {}: a pipe that nothing reads", path.string());
  }
  if (file) ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  return file;
}

/// The absolute path of what `path` means; a link may lead to a file that is not there yet.
fs::path follow_links(fs::path path) {
  constexpr int kMostLinks = 40;
  std::error_code error;
  for (int links = 0; links < kMostLinks; ++links) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / target;
  }
  return fs::absolute(path);
}

/// A temporary file is locked by who writes it, for as long as that process lives.
bool take_lock(const Descriptor& file) {
  return uninterrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0;
}

bool unlink_file(const fs::path& path) {
  return uninterrupted([&] { return ::unlink(path.c_str()); }) == 0;
}

void sweep(const fs::path& folder, std::string_view prefix) noexcept {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!is_temporary_name(name) || !name.starts_with(prefix)) continue;
    const Descriptor file = open_file(entry->path(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    if (file && take_lock(file)) unlink_file(entry->path());
  }
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path), temporary_(path) {
  if (is_device(path)) {
    file_ = open_device(path_);
  } else {
    path_ = follow_links(path);
    open_temporary();
  }
  if (!file_) fail_errno("write", path, errno);
}

/// Leaves the file closed, with errno set, if it cannot be made.
void AtomicFile::open_temporary() {
  const std::string prefix = fmt::format(".{}{}", path_.filename().string(), kMark);
  sweep(path_.parent_path(), prefix);
  // The number of a process in another container, or on another machine, may be the same.
  constexpr int kMostTries = 100;
  for (int i = 0; i < kMostTries; ++i) {
    temporary_ = path_.parent_path() /
                 fmt::format("{}{}{}", prefix, ::getpid(), i > 0 ? fmt::format("-{}", i) : "");
    file_ = open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL);
    if (!file_ && errno != EEXIST) return;
    if (!file_) continue;
    const bool locks = take_lock(file_) || errno != EWOULDBLOCK;  // some file systems have none
    struct stat info {};
    if (locks && ::fstat(file_.get(), &info) == 0 && info.st_nlink > 0) return;
    file_.close();  // swept by another before it was locked
  }
}

AtomicFile::~AtomicFile() {
  if (temporary_ != path_ && file_) unlink_file(temporary_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  checksum_.add(bytes);
  if (write_bytes(file_.get(), bytes) < bytes.size()) fail_errno("write", path_, errno);
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() { finish(/*replaces=*/true); }

bool AtomicFile::commit_if_absent() { return finish(/*replaces=*/false); }

bool AtomicFile::finish(bool replaces) {
  if (temporary_ == path_) {
    if (const int error = file_.close(); error != 0) fail_errno("close", path_, error);
    return true;
  }
  if (uninterrupted([&] { return ::fsync(file_.get()); }) != 0) fail_errno("sync", path_, errno);
  // Closed after it has its name: until then the lock keeps it from being swept.
  if (replaces) {
    rename_path(temporary_, path_);
  } else if (!rename_if_absent(temporary_, path_)) {
    return false;
  }
  temporary_ = path_;
  if (const int error = file_.close(); error != 0) fail_errno("close", path_, error);
  sync_folder(path_.parent_path());
  return true;
}

void write_atomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

bool write_if_absent(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  return file.commit_if_absent();
}

bool is_temporary_name(std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  return name.starts_with('.') && mark != std::string_view::npos && mark > 1 &&
         mark + kMark.size() < name.size() &&
         name.find_first_not_of("0123456789-", mark + kMark.size()) == std::string_view::npos;
}

void sweep_temporary_files(const fs::path& folder) noexcept { sweep(folder, "."); }

AppendFile::AppendFile(const fs::path& path) : path_(path) {
  if (kind_of(path) == S_IFIFO) {
    fail<CheckpointError>("{}: cannot be opened: a pipe, not a file", path.string());
  }
  file_ = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file_)
    fail<CheckpointError>("{}: cannot be opened: {}", path.string(), std::strerror(errno));
}

void AppendFile::append(std::string_view text) {
  constexpr std::size_t kMostWaiting = std::size_t{1} << 16;
  waiting_ += text;
  if (waiting_.size() > kMostWaiting) flush();
}

bool AppendFile::flush() noexcept {
  if (!file_) return waiting_.empty();
  const std::size_t done = write_bytes(file_.get(), std::as_bytes(std::span(waiting_)));
  waiting_.erase(0, done);
  return waiting_.empty();
}

void AppendFile::sync() {
  if (!flush() || uninterrupted([&] { return ::fsync(file_.get()); }) != 0) {
    fail<CheckpointError>("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace tessera
