#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "cli/predict.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

/// As a name of a folder: classes of a list may be called anything.
std::string folder_name(const std::string& class_name) {
  std::string name = class_name;
  std::replace(name.begin(), name.end(), '/', '_');
  return name.empty() || name.front() == '.' ? "_" + name : name;
}

/// Throws DataError that names `option`.
void make_folder(const fs::path& folder, const char* option) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail<DataError>("{} {}: {}", option, shown(folder.string()), error.message());
}

bool holds(const fs::path& path, const std::vector<std::uint8_t>& bytes) {
  std::error_code error;
  if (fs::file_size(path, error) != bytes.size() || error) return false;
  std::ifstream file(path, std::ios::binary);
  return std::equal(bytes.begin(), bytes.end(), std::istreambuf_iterator<char>(file),
                    std::istreambuf_iterator<char>(),
                    [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

}  // namespace

void JsonRecords::write(const Json& record) {
  if (as_lines_) {
    fmt::print("{}\n", json_text(record));
  } else {
    fmt::print("{}\n  {}", is_first_ ? "[" : ",", json_text(record));
  }
  is_first_ = false;
}

void JsonRecords::finish() const {
  if (!as_lines_) fmt::print("{}]\n", is_first_ ? "[" : "\n");
}

PictureFolder::PictureFolder(fs::path root) : root_(std::move(root)) {
  make_folder(root_, "--out");
}

fs::path PictureFolder::name_of(const PhotoFile& photo) {
  fs::path name;
  for (const fs::path& part : fs::path(photo.name).relative_path().lexically_normal()) {
    if (part != "..") name /= part;
  }
  name.replace_extension(".png");
  const std::string stem = name.stem().string();
  for (int number = 2; !names_.insert(name).second; ++number) {
    name.replace_filename(fmt::format("{}-{}.png", stem, number));
  }
  return name;
}

std::string PictureFolder::save(const fs::path& name, const Image& image) const {
  const fs::path path = root_ / name;
  make_folder(path.parent_path(), "--out");
  write_png(path, image);
  return path.string();
}

void ClassFolders::copy(const PhotoFile& photo, const std::string& class_name) const {
  const std::vector<std::uint8_t> bytes = photo.read();
  const fs::path folder = fs::path(root_) / folder_name(class_name);
  make_folder(folder, "--copy-to");
  std::error_code error;
  const fs::path name = fs::path(photo.path.empty() ? photo.name : photo.path).filename();
  for (int number = 1;; ++number) {
    fs::path path = folder / name;
    if (number > 1) {
      path =
          folder / fmt::format("{}-{}{}", name.stem().string(), number, name.extension().string());
    }
    if (holds(path, bytes)) return;
    if (fs::exists(fs::symlink_status(path, error))) continue;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (write_if_absent(path, text)) return;
  }
}

}  // namespace tessera
