#include "core/posix.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

[[noreturn]] void fail_errno(std::string_view action, const fs::path& path, int error) {
  fail<CheckpointError>("[{}] {}: {}", action, path.string(), std::strerror(error));
}

void check(std::string_view action, const fs::path& path, const std::error_code& error) {
  if (error) fail<CheckpointError>("[{}] {}: {}", action, path.string(), error.message());
}

/// For reading; empty, with errno set, if it cannot be opened. Throws if it is no regular file: a
/// pipe or a device in the place of a file would be waited for, maybe for ever.
Descriptor open_to_read(const fs::path& path) {
  Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || S_ISREG(info.st_mode)) return file;
  if (S_ISDIR(info.st_mode)) fail_errno("read", path, EISDIR);
  fail<CheckpointError>("[read] {}: not a regular file", path.string());
}

std::string read_all(const Descriptor& file, const fs::path& path) {
  std::string text;
  for (;;) {
    constexpr std::size_t kChunk = std::size_t{1} << 16;
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t got =
        uninterrupted([&] { return ::read(file.get(), text.data() + size, kChunk); });
    if (got < 0) fail_errno("read", path, errno);
    text.resize(size + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    value_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(value_, -1); }

int Descriptor::close() {
  const int value = release();
  if (value < 0 || ::close(value) == 0 || errno == EINTR) return 0;
  return errno;
}

Descriptor open_file(const fs::path& path, int flags, mode_t mode) {
  return Descriptor(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

std::size_t write_bytes(int descriptor, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = uninterrupted([&] {
      return ::write(descriptor, bytes.data() + done, std::min(bytes.size() - done, kMostAtOnce));
    });
    if (written < 0) break;
    done += static_cast<std::size_t>(written);
  }
  return done;
}

void write_error_text(std::string_view text) noexcept {
  std::fflush(stderr);
  write_bytes(STDERR_FILENO, std::as_bytes(std::span(text)));
}

void open_standard_descriptors() {
  for (int descriptor = 0; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one.
    uninterrupted([] { return ::open("/dev/null", O_RDWR); });
  }
}

std::string read_text_file(const fs::path& path) {
  const Descriptor file = open_to_read(path);
  if (!file) fail_errno("read", path, errno);
  return read_all(file, path);
}

std::optional<std::string> read_if_there(const fs::path& path, off_t begin) {
  const Descriptor file = open_to_read(path);
  if (file && ::lseek(file.get(), begin, SEEK_SET) < 0) fail_errno("read", path, errno);
  if (file) return read_all(file, path);
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  fail_errno("read", path, errno);
}

void cut_file(const fs::path& path, std::size_t size) {
  const auto length = static_cast<off_t>(size);
  if (uninterrupted([&] { return ::truncate(path.c_str(), length); }) != 0) {
    fail_errno("cut", path, errno);
  }
}

bool is_there(const fs::path& path) {
  struct stat info {};
  if (uninterrupted([&] { return ::stat(path.c_str(), &info); }) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  fail_errno("look", path, errno);
}

void make_folder(const fs::path& path) {
  std::error_code error;
  uninterrupted(error, [&](std::error_code& e) { fs::create_directory(path, e); });
  check("make", path, error);
}

void remove_path(const fs::path& path) {
  std::error_code error;
  uninterrupted(error, [&](std::error_code& e) { fs::remove_all(path, e); });
  check("remove", path, error);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry;
  uninterrupted(error, [&](std::error_code& e) { entry = fs::directory_iterator(folder, e); });
  std::vector<std::string> names;
  while (!error && entry != fs::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  check("list", folder, error);
  std::sort(names.begin(), names.end());
  return names;
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!descriptor) fail_errno("sync", folder, errno);
  // Some network file systems cannot sync a folder and say so with EINVAL.
  if (uninterrupted([&] { return ::fsync(descriptor.get()); }) != 0 && errno != EINVAL) {
    fail_errno("sync", folder, errno);
  }
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }) != 0) {
    fail_errno("rename", to, errno);
  }
}

bool rename_if_absent(const fs::path& from, const fs::path& to) {
  const auto rename = [&] {
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  };
  if (uninterrupted(rename) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS) fail_errno("rename", to, errno);
  // A file system without it has links, or nothing that could decide.
  if (uninterrupted([&] { return ::link(from.c_str(), to.c_str()); }) == 0) {
    remove_path(from);
    return true;
  }
  if (errno == EEXIST) return false;
  rename_path(from, to);
  return true;
}

}  // namespace tessera
