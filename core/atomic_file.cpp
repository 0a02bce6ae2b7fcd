#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/error.h"

namespace tessera {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_errno(std::string_view action, const fs::path& path, int error) {
  fail<CheckpointError>("[{}] {}: {}", action, path.string(), std::strerror(error));
}

bool is_device(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
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

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path), temporary_(path) {
  int flags = O_WRONLY | O_CLOEXEC;
  if (!is_device(path)) {
    path_ = follow_links(path);
    temporary_ =
        path_.parent_path() / fmt::format(".{}.tmp-{}", path_.filename().string(), ::getpid());
    flags |= O_CREAT | O_TRUNC;
  }
  descriptor_ = ::open(temporary_.c_str(), flags, 0666);
  if (descriptor_ < 0) fail_errno("write", path, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (temporary_ != path_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno("write", path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  const bool direct = temporary_ == path_;
  if (!direct && ::fsync(descriptor_) != 0) fail_errno("sync", path_, errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail_errno("close", path_, errno);
  if (direct) return;
  rename_path(temporary_, path_);
  temporary_ = path_;
  sync_folder(path_.parent_path());
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_errno("sync", folder, errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some network file systems cannot sync a folder and say so with EINVAL.
  if (error != 0 && error != EINVAL) fail_errno("sync", folder, error);
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_errno("rename", to, errno);
}

void exchange_paths(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) fail_errno("exchange", b, errno);
  // A file system without an atomic exchange: three renames.
  const fs::path aside = a.string() + ".aside";
  rename_path(b, aside);
  rename_path(a, b);
  rename_path(aside, a);
}

void replace_symlink(const fs::path& target, const fs::path& link, const fs::path& temporary) {
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) fail_errno("link", link, errno);
  if (::rename(temporary.c_str(), link.c_str()) == 0) return;
  const int error = errno;
  ::unlink(temporary.c_str());
  fail_errno("link", link, error);
}

}  // namespace tessera
