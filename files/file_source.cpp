#include "files/file_source.h"

#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#include "core/error.h"
#include "core/text.h"
#include "files/braces.h"
#include "files/folder_source.h"
#include "files/shard_source.h"
#include "files/tar_source.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

// Of Synology, QNAP, ext4, macOS, Windows and Python, in lower case.
constexpr std::array kLitter = {"@eadir"sv,       "@tmp"sv,        "#recycle"sv,
                                "#snapshot"sv,    "@recycle"sv,    "@recently-snapshot"sv,
                                "lost+found"sv,   "__macosx"sv,    "thumbs.db"sv,
                                "ehthumbs.db"sv,  "desktop.ini"sv, "system volume information"sv,
                                "$recycle.bin"sv, "__pycache__"sv};

/// Which files `paths` are, and when they were changed last.
std::string stamp_of(const std::vector<std::string>& paths) {
  std::string stamp;
  for (const std::string& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;
    stamp += fmt::format(" {} {} {} {}.{}", status.st_dev, status.st_ino, status.st_size,
                         status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return stamp;
}

/// What `open` gives, unless archives at `paths` are open as `root` and have not changed since.
template <typename Open>
std::shared_ptr<const FileSource> shared(const std::string& root,
                                         const std::vector<std::string>& paths, const Open& open) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const FileSource>> sources;  // by root and stamp
  const std::string key = root + stamp_of(paths);
  const std::lock_guard lock(mutex);
  std::erase_if(sources, [](const auto& known) { return known.second.expired(); });
  std::shared_ptr<const FileSource> source;
  if (const auto known = sources.find(key); known != sources.end()) source = known->second.lock();
  if (source == nullptr) sources[key] = source = open();
  return source;
}

}  // namespace

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + '/' + name;
}

std::shared_ptr<const FileSource> open_files(const std::string& root) {
  std::error_code error;
  if (root.find('{') != std::string::npos && !std::filesystem::exists(root, error)) {
    return shared(root, expand_braces(root),
                  [&] { return std::make_shared<const ShardSource>(root); });
  }
  const std::filesystem::file_status status = std::filesystem::status(root, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail<DataError>(
        "[data] {}: does not exist; set data.root to the folder or tar archive of the "
        "images",
        shown(root));
  }
  if (error) fail<DataError>("[data] {}: {}", shown(root), error.message());
  if (std::filesystem::is_directory(status)) return std::make_shared<const FolderSource>(root);
  return shared(root, {root}, [&] { return std::make_shared<const TarSource>(root); });
}

std::optional<LeftOutReason> reason_to_leave_out(std::string_view name) {
  std::string word(name);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (std::find(kLitter.begin(), kLitter.end(), word) != kLitter.end()) {
    return LeftOutReason::kLitter;
  }
  if (name.starts_with('.')) return LeftOutReason::kHidden;
  return std::nullopt;
}

std::optional<std::string> clean_path(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> names;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name == "..") {
      if (names.empty()) return std::nullopt;
      names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    begin = end + 1;
  }
  return fmt::format("{}", fmt::join(names, "/"));
}

}  // namespace tessera
