#include "data/sets/dense_files.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"
#include "core/text.h"
#include "data/images/image_format.h"
#include "files/file.h"

namespace tessera {

std::shared_ptr<const FileSource> open_root(const DataConfig& config) {
  if (config.root.empty()) {
    fail<DataError>("[data] data.root is auto: set it to the folder or tar archive of the images");
  }
  return open_files(config.root);
}

std::string shown_path(const FileSource& files, const std::string& path) {
  return shown(path.empty() ? files.root() : files.root() + '/' + path);
}

std::string find_base(const FileSource& files, std::span<const std::string> folders) {
  constexpr int kMaxDepth = 8;
  std::string base;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const bool found = std::any_of(folders.begin(), folders.end(), [&](const std::string& name) {
      return files.has_folder(joined(base, name));
    });
    if (found) return base;
    const std::vector<std::string> inside = files.folders(base);
    if (inside.size() != 1) return "";
    base = joined(base, inside.front());
  }
  return "";
}

bool has_image_ending(std::string_view path) { return kind_of_name(path) == NameKind::kImage; }

std::string stem_below(std::string_view path, std::string_view folder) {
  if (!folder.empty()) path.remove_prefix(folder.size() + 1);
  const std::size_t dot = path.rfind('.');
  const std::size_t slash = path.rfind('/');
  const bool has_ending = dot != std::string_view::npos && dot > 0 &&
                          (slash == std::string_view::npos || dot > slash + 1);
  return std::string(has_ending ? path.substr(0, dot) : path);
}

std::vector<std::string> listed_classes(const FileSource& files, const DataConfig& config,
                                        const std::string& base) {
  if (!config.classes.empty()) return config.classes;
  const std::string path = joined(base, "classes.txt");
  if (!files.has_file(path)) return {};
  return checked_classes(lines_of(files.read(path, std::size_t{1} << 20)), shown_path(files, path));
}

std::vector<std::string> checked_classes(std::vector<std::string> classes,
                                         const std::string& place) {
  if (classes.empty()) fail<DataError>("[data] {}: names no class", place);
  for (const std::string& name : classes) {
    if (!is_printable(name)) {
      fail<DataError>("[data] {}: class {} holds what cannot be shown; rename it", place,
                      quoted(name));
    }
  }
  return classes;
}

std::vector<std::string> lines_of(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t first = line.find_first_not_of(kSpace);
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(kSpace) + 1 - first);
    lines.emplace_back(line);
  }
  return lines;
}

std::vector<std::uint8_t> read_listed(const FileSource& files, const std::string& list) {
  return files.has_file(list) ? files.read(list, kMaxListBytes) : read_file(list, kMaxListBytes);
}

}  // namespace tessera
