#include "files/tar_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "files/file.h"

namespace tessera {
namespace {

std::string prefix_of(const std::string& folder) { return folder.empty() ? "" : folder + '/'; }

/// The first of the folders of a path, or the file itself, that is left out, with all in front of
/// it; nothing if none is.
std::optional<LeftOut> first_left_out(std::string_view rest) {
  for (std::size_t begin = 0; begin < rest.size();) {
    const std::size_t end = std::min(rest.find('/', begin), rest.size());
    if (const auto reason = reason_to_leave_out(rest.substr(begin, end - begin))) {
      return LeftOut{std::string(rest.substr(0, end)), *reason};
    }
    begin = end + 1;
  }
  return std::nullopt;
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
    if (!rest.empty()) visit(rest);
  }
}

}  // namespace

TarSource::TarSource(const std::string& path) : FileSource(path) {
  file_ = open_file(path);
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) {
      fail<DataError>("[tar] {}: {}", shown(path), std::strerror(errno));
    }
    index_ = read_tar_index(
        [&](std::uint64_t offset, std::span<std::uint8_t> out) {
          read_at(file_, offset, out, shown(path));
        },
        static_cast<std::uint64_t>(status.st_size), shown(path));
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TarSource::~TarSource() { ::close(file_); }

Listing TarSource::list(const std::string& folder) const {
  const std::string prefix = prefix_of(folder);
  Listing listing;
  visit_below(index_.files, prefix, [&](std::string_view rest) {
    std::optional<LeftOut> left_out = first_left_out(rest);
    if (!left_out) {
      listing.files.push_back(prefix + std::string(rest));
      return;
    }
    left_out->path.insert(0, prefix);
    if (listing.left_out.empty() || listing.left_out.back().path != left_out->path) {
      listing.left_out.push_back(std::move(*left_out));
    }
  });
  return listing;
}

FolderEntries TarSource::entries(const std::string& folder) const {
  const std::string prefix = prefix_of(folder);
  FolderEntries found;
  const auto add = [&](std::string_view rest, bool is_folder) {
    if (rest.find('/') != std::string_view::npos) return;
    const std::optional<LeftOutReason> reason = reason_to_leave_out(rest);
    if (reason) {
      found.left_out.push_back({prefix + std::string(rest), *reason});
    } else if (is_folder) {
      found.folders.emplace_back(rest);
    } else {
      found.files.push_back(prefix + std::string(rest));
    }
  };
  visit_below(index_.files, prefix, [&](std::string_view rest) { add(rest, false); });
  visit_below(index_.folders, prefix, [&](std::string_view rest) { add(rest, true); });
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
  if (found == index_.files.end())
    fail<DataError>("[tar] {}: holds no {}", shown(root()), quoted(path));
  const TarFile& file = found->second;
  if (file.size > limit) {
    fail<DataError>("[tar] {}: holds more than {} bytes", shown(root() + '/' + path), limit);
  }
  std::vector<std::uint8_t> bytes(file.size);
  read_at(file_, file.offset, bytes, shown(root()));
  return bytes;
}

}  // namespace tessera
