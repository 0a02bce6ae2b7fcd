#include "files/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFirstRead = std::size_t{1} << 16;
constexpr std::size_t kLargestRead = std::size_t{1} << 26;

struct GzClose {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzHandle = std::unique_ptr<gzFile_s, GzClose>;

std::vector<fs::path> places(const FolderSearch& search, const std::string& root) {
  std::vector<fs::path> bases;
  std::vector<fs::path> found;
  if (!root.empty()) {
    found.emplace_back(root);
    bases.emplace_back(root);
  } else {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in the program changes the environment.
    if (const char* variable = std::getenv("TESSERA_DATA"); variable != nullptr && *variable) {
      bases.emplace_back(variable);
    }
    bases.emplace_back("datasets");
    bases.emplace_back("/usr/share/datasets");
  }
  for (const fs::path& base : bases) {
    for (const std::string_view subfolder : search.subfolders) found.push_back(base / subfolder);
  }
  return found;
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

int open_file(const fs::path& path) {
  // Not blocking: opening a pipe would wait for its other end. Regular files never block.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  const bool is_known =
      file >= 0 ? ::fstat(file, &status) == 0 : ::stat(path.c_str(), &status) == 0;
  if (is_known && !S_ISREG(status.st_mode)) {
    if (file >= 0) ::close(file);
    fail<DataError>("[data] {}: is {}, expected a regular file", shown(path.string()),
                    kind_of(status.st_mode));
  }
  if (file < 0) fail<DataError>("[data] {}: {}", shown(path.string()), std::strerror(errno));
  return file;
}

void read_at(int file, std::uint64_t offset, std::span<std::uint8_t> out, const std::string& name) {
  while (!out.empty()) {
    const ssize_t count = ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      fail<DataError>("[tar] {}: byte {}: {}", name, offset,
                      count < 0 ? std::strerror(errno) : "the file has become shorter");
    }
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

std::vector<std::uint8_t> read_file(const fs::path& path, std::size_t limit) {
  const int descriptor = open_file(path);
  const GzHandle file(gzdopen(descriptor, "rb"));  // passes plain files through
  if (!file) {
    ::close(descriptor);
    throw std::bad_alloc();
  }
  gzbuffer(file.get(), 1 << 17);

  std::vector<std::uint8_t> bytes;
  std::size_t used = 0;
  for (;;) {
    // Grows with what is really there: a length in a header is never trusted with an allocation.
    bytes.resize(used + std::clamp(used, kFirstRead, kLargestRead));
    const int read =
        gzread(file.get(), bytes.data() + used, static_cast<unsigned>(bytes.size() - used));
    int code = Z_OK;
    const char* message = gzerror(file.get(), &code);
    if (read < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      std::string reason = code == Z_ERRNO ? std::strerror(errno) : message;
      const std::string name = fmt::format("<fd:{}>: ", descriptor);  // how zlib calls the file
      if (reason.starts_with(name)) reason.erase(0, name.size());
      const char* kind = gzdirect(file.get()) != 0 ? "" : "broken gzip: ";
      fail<DataError>("[data] {}: {}{}, after {} bytes", shown(path.string()), kind, reason,
                      used + static_cast<std::size_t>(std::max(0, read)));
    }
    used += static_cast<std::size_t>(read);
    if (used > limit) {
      fail<DataError>("[data] {}: holds more than {} bytes", shown(path.string()), limit);
    }
    if (read == 0) break;
  }
  bytes.resize(used);
  return bytes;
}

fs::path plain_or_gzip(const fs::path& folder, std::string_view file) {
  fs::path plain = folder / file;
  fs::path gzip = plain;
  gzip += ".gz";
  std::error_code ignored;
  return !fs::exists(plain, ignored) && fs::exists(gzip, ignored) ? gzip : plain;
}

fs::path find_folder(const FolderSearch& search, const std::string& root) {
  const std::vector<fs::path> candidates = places(search, root);
  std::vector<std::string> searched;
  for (const fs::path& folder : candidates) {
    std::error_code ignored;
    if (fs::exists(plain_or_gzip(folder, search.file), ignored)) return folder;
    searched.push_back(shown(folder.string()));
  }
  fail<DataError>("[{}] {} (or .gz) is in none of: {}; {}", search.name, search.file,
                  fmt::join(searched, ", "), search.advice);
}

}  // namespace tessera
