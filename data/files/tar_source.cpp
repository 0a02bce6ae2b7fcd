#include "data/files/tar_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/error.h"

namespace tessera {
namespace {

std::string prefix_of(const std::string& folder) { return folder.empty() ? "" : folder + '/'; }

bool is_hidden(std::string_view path) {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

/// Calls `visit(rest)` with what comes after `prefix`, sorted, of each path that starts with it.
template <typename Paths, typename Visit>
void visit_below(const Paths& paths, const std::string& prefix, const Visit& visit) {
  constexpr auto path_of = [](const auto& entry) -> const std::string& {
    if constexpr (requires { entry.first; }) {
      return entry.first;
    } else {
      return entry;
    }
  };
  for (auto at = paths.lower_bound(prefix); at != paths.end(); ++at) {
    const std::string_view path = path_of(*at);
    if (!path.starts_with(prefix)) break;
    const std::string_view rest = path.substr(prefix.size());
    if (!rest.empty() && !is_hidden(rest)) visit(rest);
  }
}

}  // namespace

TarSource::TarSource(const std::string& path) : FileSource(path) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file_ < 0 || ::fstat(file_, &status) != 0) {
    fail<DataError>("[tar] {}: {}", path, std::strerror(errno));
  }
  try {
    index_ = read_tar_index(
        [this](std::uint64_t offset, std::span<std::uint8_t> out) { read_at(offset, out); },
        static_cast<std::uint64_t>(status.st_size), path);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TarSource::~TarSource() { ::close(file_); }

std::vector<std::string> TarSource::files(const std::string& folder) const {
  const std::string prefix = prefix_of(folder);
  std::vector<std::string> found;
  visit_below(index_.files, prefix,
              [&](std::string_view rest) { found.push_back(prefix + std::string(rest)); });
  return found;
}

std::vector<std::string> TarSource::top_files(const std::string& folder) const {
  const std::string prefix = prefix_of(folder);
  std::vector<std::string> found;
  visit_below(index_.files, prefix, [&](std::string_view rest) {
    if (rest.find('/') == std::string_view::npos) found.push_back(prefix + std::string(rest));
  });
  return found;
}

std::vector<std::string> TarSource::folders(const std::string& folder) const {
  std::vector<std::string> found;
  visit_below(index_.folders, prefix_of(folder), [&](std::string_view rest) {
    if (rest.find('/') == std::string_view::npos) found.emplace_back(rest);
  });
  return found;
}

bool TarSource::has_file(const std::string& path) const { return index_.files.contains(path); }

bool TarSource::has_folder(const std::string& path) const {
  return path.empty() || index_.folders.contains(path);
}

std::uint64_t TarSource::file_size(const std::string& path) const {
  const auto found = index_.files.find(path);
  return found == index_.files.end() ? 0 : found->second.size;
}

std::vector<std::uint8_t> TarSource::read(const std::string& path, std::size_t limit) const {
  const auto found = index_.files.find(path);
  if (found == index_.files.end()) fail<DataError>("[tar] {}: holds no {}", root(), path);
  const TarFile& file = found->second;
  if (file.size > limit) {
    fail<DataError>("[tar] {}/{}: holds more than {} bytes", root(), path, limit);
  }
  std::vector<std::uint8_t> bytes(file.size);
  read_at(file.offset, bytes);
  return bytes;
}

void TarSource::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(file_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      fail<DataError>("[tar] {}: byte {}: {}", root(), offset,
                      count < 0 ? std::strerror(errno) : "the file has become shorter");
    }
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace tessera
