#include "files/folder_source.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "core/error.h"
#include "core/text.h"
#include "files/file.h"

namespace tessera {
namespace fs = std::filesystem;

fs::path FolderSource::full(const std::string& path) const {
  return path.empty() ? fs::path(root()) : fs::path(root()) / path;
}

namespace {

/// A folder mostly says of what type its entries are; only where it does not is each looked at,
/// which of a million files takes minutes.
fs::file_type type_of(const fs::directory_entry& entry) {
  std::error_code unseen;  // the type says what went wrong
  if (entry.is_regular_file(unseen)) return fs::file_type::regular;
  if (entry.is_directory(unseen)) return fs::file_type::directory;
  return entry.status(unseen).type();
}

}  // namespace

FolderEntries FolderSource::entries(const std::string& folder) const {
  FolderEntries found;
  std::error_code error;
  for (fs::directory_iterator at(full(folder), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::string path = folder.empty() ? name : folder + '/' + name;
    if (const auto reason = reason_to_leave_out(name)) {
      found.left_out.push_back({std::move(path), *reason});
      continue;
    }
    switch (type_of(*at)) {
      case fs::file_type::directory:
        found.folders.push_back(name);
        break;
      case fs::file_type::regular:
        found.files.push_back(std::move(path));
        break;
      case fs::file_type::not_found:
        found.left_out.push_back({std::move(path), LeftOutReason::kDangling});
        break;
      default:
        found.left_out.push_back({std::move(path), LeftOutReason::kUnreadable});
    }
  }
  if (error) fail<DataError>("[data] {}: {}", shown(full(folder).string()), error.message());
  std::sort(found.folders.begin(), found.folders.end());
  return found;
}

/// `above` are the folders on the way to this one, as the system sees them.
void FolderSource::collect(const std::string& folder, std::vector<fs::path>& above,
                           Listing& listing) const {
  std::error_code error;
  const fs::path real = fs::canonical(full(folder), error);
  if (std::find(above.begin(), above.end(), real) != above.end()) {
    fail<DataError>("[data] {}: is a link to a folder that holds it", shown(full(folder).string()));
  }
  above.push_back(real);
  FolderEntries found = entries(folder);
  std::move(found.files.begin(), found.files.end(), std::back_inserter(listing.files));
  std::move(found.left_out.begin(), found.left_out.end(), std::back_inserter(listing.left_out));
  for (const std::string& name : found.folders) {
    collect(folder.empty() ? name : folder + '/' + name, above, listing);
  }
  above.pop_back();
}

Listing FolderSource::list(const std::string& folder) const {
  Listing listing;
  std::vector<fs::path> above;
  collect(folder, above, listing);
  std::sort(listing.files.begin(), listing.files.end());
  std::sort(listing.left_out.begin(), listing.left_out.end(),
            [](const LeftOut& a, const LeftOut& b) { return a.path < b.path; });
  return listing;
}

bool FolderSource::has_file(const std::string& path) const {
  std::error_code ignored;
  return fs::is_regular_file(full(path), ignored);
}

bool FolderSource::has_folder(const std::string& path) const {
  std::error_code ignored;
  return fs::is_directory(full(path), ignored);
}

std::uint64_t FolderSource::file_size(const std::string& path) const {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(full(path), error);
  return error ? 0 : size;
}

std::vector<std::uint8_t> FolderSource::read(const std::string& path, std::size_t limit) const {
  return read_file(full(path), limit);
}

}  // namespace tessera
