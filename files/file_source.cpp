#include "files/file_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "core/text.h"
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

}  // namespace

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + '/' + name;
}

std::unique_ptr<FileSource> open_files(const std::string& root) {
  std::error_code error;
  if (root.find('{') != std::string::npos && !std::filesystem::exists(root, error)) {
    return std::make_unique<ShardSource>(root);
  }
  const std::filesystem::file_status status = std::filesystem::status(root, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail<DataError>(
        "[data] {}: does not exist; set data.root to the folder or tar archive of the "
        "images",
        shown(root));
  }
  if (error) fail<DataError>("[data] {}: {}", shown(root), error.message());
  if (std::filesystem::is_directory(status)) return std::make_unique<FolderSource>(root);
  return std::make_unique<TarSource>(root);
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
