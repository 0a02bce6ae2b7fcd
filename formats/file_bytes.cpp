#include "formats/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/posix.h"
#include "core/text.h"

namespace tessera {

FileBytes read_file(const std::filesystem::path& path) {
  // O_NONBLOCK: never waits for the other end of a pipe.
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) {
    fail<CheckpointError>("[read] {}: {}", shown(path.string()), std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    fail<CheckpointError>("[read] {}: not a regular file", shown(path.string()));
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  const auto data = std::make_shared_for_overwrite<std::byte[]>(size);
  for (std::size_t done = 0; done < size;) {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
    const ssize_t got = ::read(file.get(), data.get() + done, std::min(size - done, kMostAtOnce));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail<CheckpointError>("[read] {}: {}", shown(path.string()), std::strerror(errno));
    if (got == 0) fail<CheckpointError>("[read] {}: shrank while being read", shown(path.string()));
    done += static_cast<std::size_t>(got);
  }
  return {data, size};
}

}  // namespace tessera
