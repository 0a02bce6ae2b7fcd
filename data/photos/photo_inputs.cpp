#include "data/photos/photo_inputs.h"

#include <fmt/format.h>
#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/posix.h"
#include "core/text.h"
#include "data/images/decoders.h"
#include "data/images/image_format.h"
#include "data/sets/findings.h"
#include "files/file.h"
#include "files/folder_source.h"
#include "files/tar_source.h"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxNameBytes = std::size_t{1} << 16;
constexpr const char* kInputName = "standard input";

bool has_ending(std::string_view name, std::initializer_list<std::string_view> endings) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return lower.ends_with(ending); });
}

bool is_archive_name(std::string_view name) {
  return has_ending(name, {".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"});
}

/// Of formats whose first bytes no name begins with.
bool begins_as_image(std::string_view text) {
  return text.starts_with("\xff\xd8") || text.starts_with("\x89PNG") ||
         (text.starts_with("RIFF") && text.substr(0, 12).ends_with("WEBP"));
}

}  // namespace

std::vector<std::uint8_t> PhotoFile::read() const {
  if (!problem.empty()) throw DataError(problem);
  if (bytes) return *bytes;
  if (files) return files->read(path, static_cast<std::size_t>(kMaxImageBytes));
  return read_file(name, static_cast<std::size_t>(kMaxImageBytes));
}

void NameLines::add(std::string_view text, std::vector<std::string>& names) {
  if (!knows_end_) {
    const std::size_t first = text.find_first_of(std::string_view("\n\0", 2));
    knows_end_ = first != std::string_view::npos;
    if (knows_end_) end_ = text[first];
  }
  std::size_t begin = 0;
  for (std::size_t end; knows_end_ && (end = text.find(end_, begin)) != std::string_view::npos;
       begin = end + 1) {
    rest_ += text.substr(begin, end - begin);
    finish(names);
  }
  rest_ += text.substr(begin);
}

void NameLines::finish(std::vector<std::string>& names) {
  if (end_ != '\0' && rest_.ends_with('\r')) rest_.pop_back();
  if (!rest_.empty()) names.push_back(std::exchange(rest_, {}));
  rest_.clear();
}

PhotoInputs::PhotoInputs(const std::vector<std::string>& given,
                         const std::vector<std::string>& lists) {
  for (const std::string& name : given) {
    if (name == "-") {
      reads_input_ = true;
    } else {
      add(name);
    }
  }
  for (const std::string& list : lists) {
    if (list == "-") {
      reads_input_ = true;
    } else {
      add_list(list);
    }
  }
}

PhotoInputs::State PhotoInputs::next(PhotoFile& photo) {
  while (photos_.empty() && reads_input_) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 0) <= 0) return State::kWait;
    read_input();
  }
  if (photos_.empty()) return State::kEnd;
  photo = std::move(photos_.front());
  photos_.pop_front();
  ++taken_;
  return State::kPhoto;
}

void PhotoInputs::wait(int milliseconds) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  ::poll(&input, 1, milliseconds);
}

std::vector<std::string> PhotoInputs::take_notes() { return std::exchange(notes_, {}); }

/// A name of a list may mean a file beside the list, `beside` being its folder.
void PhotoInputs::add(const std::string& given, const std::string& beside) {
  std::error_code error;
  fs::file_status status = fs::status(given, error);
  std::string name = given;
  if (status.type() == fs::file_type::not_found && !beside.empty() && !given.starts_with('/')) {
    const std::string other = beside + '/' + given;
    const fs::file_status there = fs::status(other, error);
    if (fs::exists(there)) {
      status = there;
      name = other;
    }
  }
  try {
    if (fs::is_directory(status)) {
      while (name.size() > 1 && name.ends_with('/')) name.pop_back();
      add_files(std::make_shared<FolderSource>(name), name, false);
    } else if (fs::is_regular_file(status) && is_archive_name(name)) {
      add_files(std::make_shared<TarSource>(name), name, true);
    } else if (status.type() == fs::file_type::not_found &&
               given.find_first_of("*?[") != std::string::npos) {
      add_pattern(given);
    } else {
      photos_.push_back({.name = name, .files = {}, .path = {}, .bytes = {}, .problem = {}});
    }
  } catch (const DataError& problem) {
    add_problem(name, problem.what());
  }
}

void PhotoInputs::add_files(const std::shared_ptr<const FileSource>& files, const std::string& name,
                            bool is_archive) {
  Listing listing = files->list("");
  std::vector<std::string> others;
  const std::size_t before = photos_.size();
  for (std::string& path : listing.files) {
    if (kind_of_name(path) != NameKind::kImage) {
      others.push_back(std::move(path));
      continue;
    }
    std::string full = name.ends_with('/') ? name + path : name + '/' + path;
    photos_.push_back({.name = std::move(full),
                       .files = is_archive ? files : nullptr,
                       .path = is_archive ? std::move(path) : std::string(),
                       .bytes = {},
                       .problem = {}});
  }
  Findings findings;
  add_unread(shown(name), listing.left_out, others, findings);
  for (const auto& lines : {findings.problems, findings.notes}) {
    notes_.insert(notes_.end(), lines.begin(), lines.end());
  }
  if (photos_.size() == before) {
    add_problem(name, fmt::format("[data] {}: holds no image that is read ({})", shown(name),
                                  image_endings()));
  }
}

void PhotoInputs::add_pattern(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found);
  const std::vector<std::string> names(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result != 0) {
    add_problem(pattern, fmt::format("[data] {}: no file is named so", shown(pattern)));
  }
  for (const std::string& name : names) add(name);
}

void PhotoInputs::add_list(const std::string& path) {
  try {
    const std::vector<std::uint8_t> bytes = read_file(path, kMaxListBytes);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (begins_as_image(text)) {
      fail<DataError>("[list] {}: is an image; a list has the name of one on each line",
                      shown(path));
    }
    NameLines lines;
    std::vector<std::string> names;
    lines.add(text, names);
    lines.finish(names);
    const std::string folder = fs::path(path).parent_path().string();
    for (const std::string& name : names) add(name, folder);
  } catch (const DataError& problem) {
    add_problem(path, problem.what());
  }
}

void PhotoInputs::add_problem(const std::string& name, const std::string& problem) {
  photos_.push_back({.name = name, .files = {}, .path = {}, .bytes = {}, .problem = problem});
}

/// One read: of names, or of an image's bytes.
void PhotoInputs::read_input() {
  std::array<char, 1 << 16> chunk;
  const ssize_t count =
      uninterrupted([&] { return ::read(STDIN_FILENO, chunk.data(), chunk.size()); });
  if (count < 0) {
    reads_input_ = false;
    add_problem(kInputName, fmt::format("[data] {}: {}", kInputName, std::strerror(errno)));
    return;
  }
  std::string_view text(chunk.data(), static_cast<std::size_t>(count));
  if (!knows_input_) {
    constexpr std::size_t kEnough = 12;
    input_start_ += text;
    knows_input_ = count == 0 || input_start_.size() >= kEnough ||
                   input_start_.find('\n') != std::string::npos;
    if (!knows_input_) return;
    text = input_start_;
    if (begins_as_image(text)) image_ = std::make_shared<std::vector<std::uint8_t>>();
  }
  if (image_) {
    image_->insert(image_->end(), text.begin(), text.end());
    if (count == 0 || image_->size() > static_cast<std::size_t>(kMaxImageBytes)) take_image();
    return;
  }
  std::vector<std::string> names;
  input_lines_.add(text, names);
  if (count == 0) input_lines_.finish(names);
  reads_input_ = count > 0;
  if (input_lines_.waiting() > kMaxNameBytes) {
    reads_input_ = false;
    add_problem(kInputName, fmt::format("[data] {}: is no list of names, one a line", kInputName));
  }
  for (const std::string& name : names) add(name);
}

void PhotoInputs::take_image() {
  reads_input_ = false;
  photos_.push_back({.name = kInputName,
                     .files = {},
                     .path = {},
                     .bytes = std::exchange(image_, nullptr),
                     .problem = {}});
}

}  // namespace tessera
