#include "data/files/folder_source.h"

#include <algorithm>
#include <system_error>

#include "core/error.h"
#include "data/files/file.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

/// The entries of one folder that are not hidden.
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!is_hidden(at->path())) entries.push_back(*at);
  }
  if (error) fail<DataError>("[data] {}: {}", folder.string(), error.message());
  return entries;
}

/// `above` are the folders on the way to this one, as the system sees them.
void collect(const fs::path& folder, const std::string& prefix, std::vector<fs::path>& above,
             std::vector<std::string>& files) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (std::find(above.begin(), above.end(), real) != above.end()) {
    fail<DataError>("[data] {}: is a link to a folder that holds it", folder.string());
  }
  above.push_back(real);
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const std::string path = prefix + entry.path().filename().string();
    if (entry.is_directory(error)) {
      collect(entry.path(), path + '/', above, files);
    } else if (entry.is_regular_file(error)) {
      files.push_back(path);
    }
  }
  above.pop_back();
}

}  // namespace

fs::path FolderSource::full(const std::string& path) const {
  return path.empty() ? fs::path(root()) : fs::path(root()) / path;
}

std::vector<std::string> FolderSource::files(const std::string& folder) const {
  std::vector<std::string> found;
  std::vector<fs::path> above;
  collect(full(folder), folder.empty() ? "" : folder + '/', above, found);
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> FolderSource::top_files(const std::string& folder) const {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : entries_of(full(folder))) {
    std::error_code ignored;
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file(ignored))
      found.push_back(folder.empty() ? name : folder + '/' + name);
  }
  return found;
}

std::vector<std::string> FolderSource::folders(const std::string& folder) const {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : entries_of(full(folder))) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) found.push_back(entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
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
