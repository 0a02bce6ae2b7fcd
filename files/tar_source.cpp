#include "files/tar_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "files/file.h"
#include "files/tar_index.h"

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

/// Calls `visit(rest)` with what comes after `prefix` of each path from `first` on, which are
/// sorted and given by `path_of`, that starts with it.
template <typename At, typename PathOf, typename Visit>
void visit_below(At first, At end, std::string_view prefix, const PathOf& path_of,
                 const Visit& visit) {
  for (At at = first; at != end; ++at) {
    const std::string_view path = path_of(at);
    if (!path.starts_with(prefix)) break;
    const std::string_view rest = path.substr(prefix.size());
    if (!rest.empty()) visit(rest);
  }
}

}  // namespace

/// An open archive and what its headers say, in little memory: a million files with paths of 25
/// letters are 57 MB.
class TarArchive {
 public:
  /// `file` is closed with it.
  TarArchive(int file, const std::string& path) : file_(file) {
    struct stat status {};
    if (::fstat(file, &status) != 0) {
      fail<DataError>("[tar] {}: {}", shown(path), std::strerror(errno));
    }
    TarIndex index = read_tar_index(
        [&](std::uint64_t offset, std::span<std::uint8_t> out) {
          read_at(file, offset, out, shown(path));
        },
        static_cast<std::uint64_t>(status.st_size), shown(path));
    folders_ = std::move(index.folders);
    std::size_t letters = 0;
    for (const auto& [name, place] : index.files) letters += name.size();
    text_.reserve(letters);
    files_.reserve(index.files.size());
    while (!index.files.empty()) {  // not both at once
      const auto first = index.files.extract(index.files.begin());
      files_.push_back({text_.size(), first.key().size(), first.mapped()});
      text_ += first.key();
    }
  }
  TarArchive(const TarArchive&) = delete;
  TarArchive& operator=(const TarArchive&) = delete;
  ~TarArchive() { ::close(file_); }

  int file() const { return file_; }
  const std::set<std::string>& folders() const { return folders_; }

  const TarFile* find(std::string_view path) const {
    const std::size_t at = first_from(path);
    return at < files_.size() && path_of(at) == path ? &files_[at].place : nullptr;
  }

  template <typename Visit>
  void visit_files_below(std::string_view prefix, const Visit& visit) const {
    visit_below(
        first_from(prefix), files_.size(), prefix, [&](std::size_t at) { return path_of(at); },
        visit);
  }

 private:
  struct File {
    std::size_t begin, length;  ///< of the path within the text
    TarFile place;
  };

  std::string_view path_of(std::size_t at) const {
    return std::string_view(text_).substr(files_[at].begin, files_[at].length);
  }

  /// The first file whose path is not before `path`.
  std::size_t first_from(std::string_view path) const {
    const auto found = std::ranges::lower_bound(files_, path, {}, [&](const File& file) {
      return std::string_view(text_).substr(file.begin, file.length);
    });
    return static_cast<std::size_t>(found - files_.begin());
  }

  int file_;
  std::string text_;         ///< the paths, one after the other
  std::vector<File> files_;  ///< by path
  std::set<std::string> folders_;
};

TarSource::TarSource(const std::string& path) : FileSource(path) {
  const int file = open_file(path);
  try {
    archive_ = std::make_unique<const TarArchive>(file, path);
  } catch (...) {
    ::close(file);
    throw;
  }
}

TarSource::~TarSource() = default;

Listing TarSource::list(const std::string& folder) const {
  const std::string prefix = prefix_of(folder);
  Listing listing;
  archive_->visit_files_below(prefix, [&](std::string_view rest) {
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
  archive_->visit_files_below(prefix, [&](std::string_view rest) { add(rest, false); });
  const std::set<std::string>& folders = archive_->folders();
  visit_below(
      folders.lower_bound(prefix), folders.end(), prefix,
      [](const auto& at) -> std::string_view { return *at; },
      [&](std::string_view rest) { add(rest, true); });
  return found;
}

bool TarSource::has_file(const std::string& path) const { return archive_->find(path) != nullptr; }

bool TarSource::has_folder(const std::string& path) const {
  return path.empty() || archive_->folders().contains(path);
}

std::uint64_t TarSource::file_size(const std::string& path) const {
  const TarFile* const found = archive_->find(path);
  return found == nullptr ? 0 : found->size;
}

std::vector<std::uint8_t> TarSource::read(const std::string& path, std::size_t limit) const {
  const TarFile* const found = archive_->find(path);
  if (found == nullptr) fail<DataError>("[tar] {}: holds no {}", shown(root()), quoted(path));
  const TarFile& file = *found;
  if (file.size > limit) {
    fail<DataError>("[tar] {}: holds more than {} bytes", shown(root() + '/' + path), limit);
  }
  std::vector<std::uint8_t> bytes(file.size);
  read_at(archive_->file(), file.offset, bytes, shown(root()));
  return bytes;
}

}  // namespace tessera
