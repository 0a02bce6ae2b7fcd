#include "data/sets/image_files.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "data/files/file.h"
#include "data/hold_out.h"
#include "data/sets/image_list.h"

namespace tessera {
namespace {

constexpr std::array<const char*, 3> kValFolders = {"val", "valid", "validation"};
constexpr std::size_t kMaxListBytes = std::size_t{1} << 30;

bool is_image(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string ending(path.substr(dot + 1));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending == "jpg" || ending == "jpeg" || ending == "png" || ending == "bmp";
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + '/' + name;
}

/// Where the splits lie below the root.
struct Layout {
  std::string base;         ///< folders above, if there is but one way down
  std::string train;        ///< holds class folders
  std::string val;          ///< empty: none
  std::string test;         ///< empty: none
  std::string annotations;  ///< of Tiny ImageNet's val; empty: none
};

Layout layout_of(const FileSource& files) {
  Layout layout;
  // An archive often has one folder around everything.
  while (!files.has_folder(joined(layout.base, "train"))) {
    const std::vector<std::string> inside = files.folders(layout.base);
    if (inside.size() != 1) break;
    const std::string next = joined(layout.base, inside.front());
    if (files.folders(next).empty()) break;
    layout.base = next;
  }
  const auto folder = [&](const std::string& name) {
    const std::string path = joined(layout.base, name);
    return files.has_folder(path) ? path : "";
  };
  layout.train = folder("train");
  if (layout.train.empty()) {
    layout.train = layout.base;
    return layout;  // one folder of classes, whatever their names
  }
  for (const char* name : kValFolders) {
    if (layout.val.empty()) layout.val = folder(name);
  }
  const std::string annotations = layout.val + "/val_annotations.txt";
  if (!layout.val.empty() && files.has_file(annotations)) {
    layout.annotations = annotations;
  } else {
    layout.test = folder("test");
  }
  return layout;
}

/// Sorted by class, then by path. Every class folder must hold an image.
std::vector<ImageFile> read_class_folders(const FileSource& files, const std::string& folder) {
  std::vector<ImageFile> found;
  const std::string place = files.root() + (folder.empty() ? "" : '/' + folder);
  for (const std::string& name : files.folders(folder)) {
    const std::size_t before = found.size();
    for (std::string& path : files.files(joined(folder, name))) {
      if (is_image(path)) found.push_back({std::move(path), name});
    }
    if (found.size() == before) {
      fail<DataError>("[data] {}/{}: holds no image (.jpg, .jpeg, .png, .bmp); remove the folder",
                      place, name);
    }
  }
  if (found.empty()) {
    fail<DataError>("[data] {}: holds no folders of images, one a class", place);
  }
  for (const std::string& path : files.top_files(folder)) {
    if (is_image(path))
      fail<DataError>("[data] {}/{}: lies in no class folder", files.root(), path);
  }
  return found;
}

/// Moves what `config` holds out of training to `held`.
void hold_out(const DataConfig& config, std::vector<ImageFile>& files,
              std::vector<ImageFile>& held) {
  std::map<std::string, std::int64_t> numbers;
  for (const ImageFile& file : files) numbers[file.label] = 0;
  std::int64_t next = 0;
  for (auto& [name, number] : numbers) number = next++;
  std::vector<std::int64_t> classes;
  for (const ImageFile& file : files) classes.push_back(numbers[file.label]);
  const std::vector<bool> out = held_out(classes, config);
  std::vector<ImageFile> kept;
  for (std::size_t i = 0; i < files.size(); ++i) {
    (out[i] ? held : kept).push_back(std::move(files[i]));
  }
  files = std::move(kept);
  if (!held.empty() && !files.empty()) return;
  fail<DataError>("[data] {} leaves {}",
                  config.val_split > 0.0 ? fmt::format("data.val_split {}", config.val_split)
                                         : fmt::format("data.folds {}", config.folds),
                  files.empty() ? "nothing to train on" : "no validation: no class has two images");
}

void leave_out(const std::string& list, std::vector<ImageFile>& files) {
  const std::vector<std::uint8_t> bytes = read_file(list, kMaxListBytes);
  std::unordered_set<std::string> skipped;
  for (auto line = bytes.begin(); line < bytes.end();) {
    const auto end = std::find(line, bytes.end(), '\n');
    std::string path(line, end);
    if (path.ends_with('\r')) path.pop_back();
    if (!path.empty() && !path.starts_with('#')) skipped.insert(std::move(path));
    line = end == bytes.end() ? end : end + 1;
  }
  std::erase_if(files, [&](const ImageFile& file) { return skipped.contains(file.path); });
}

/// A list lies below the root, as in an archive, or is a file of its own.
std::vector<ImageFile> read_list(const FileSource& files, const DataConfig& config,
                                 const std::string& list) {
  const bool is_inside = files.has_file(list);
  std::vector<ImageFile> found =
      parse_image_list(is_inside ? files.read(list, kMaxListBytes) : read_file(list, kMaxListBytes),
                       is_inside ? files.root() + '/' + list : list);
  if (config.on_error == OnError::kSkip) return found;  // the loader skips what is missing
  for (const ImageFile& file : found) {
    if (!files.has_file(file.path)) {
      fail<DataError>("[list] {}: there is no {} below {}", list, file.path, files.root());
    }
  }
  return found;
}

/// What kVal is made of, where training gives nothing up.
std::vector<ImageFile> find_val(const FileSource& files, const DataConfig& config,
                                const Layout& layout) {
  if (!config.val_list.empty()) return read_list(files, config, config.val_list);
  if (!layout.annotations.empty()) {
    return parse_image_list(files.read(layout.annotations, kMaxListBytes),
                            files.root() + '/' + layout.annotations, layout.val + "/images/");
  }
  if (!layout.val.empty()) return read_class_folders(files, layout.val);
  if (!config.test_list.empty()) return read_list(files, config, config.test_list);
  if (!layout.test.empty()) return read_class_folders(files, layout.test);
  fail<DataError>(
      "[data] {}: neither val nor test beside train; data.val_split: 0.1 holds a "
      "share of training out",
      files.root());
}

std::vector<ImageFile> find_before_skipping(const FileSource& files, const DataConfig& config,
                                            Split split) {
  const Layout layout = layout_of(files);
  const std::string& val = config.val_list.empty() ? layout.val : config.val_list;
  if (holds_out(config) && !val.empty()) {
    fail<DataError>("[data] {}, but {} has {}: use one of them",
                    config.val_split > 0.0 ? fmt::format("data.val_split {}", config.val_split)
                                           : fmt::format("data.folds {}", config.folds),
                    files.root(), val);
  }
  if (split == Split::kTest && !config.test_list.empty()) {
    return read_list(files, config, config.test_list);
  }
  if (split == Split::kTest && !layout.test.empty()) return read_class_folders(files, layout.test);
  if (split != Split::kTrain && !holds_out(config)) return find_val(files, config, layout);
  std::vector<ImageFile> training = config.train_list.empty()
                                        ? read_class_folders(files, layout.train)
                                        : read_list(files, config, config.train_list);
  if (!holds_out(config)) return training;
  std::vector<ImageFile> held;
  hold_out(config, training, held);
  return split == Split::kTrain ? training : held;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

/// Bytes of the character that starts at `at`; 0 if it is no UTF-8 (RFC 3629) or of control.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : std::uint8_t{0};
  };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) > 0x9f;
  const bool too_large = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_large ? 0 : length;
}

void check_class_name(const std::string& name) {
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = utf8_length(name, at);
    if (length == 0) {
      fail<DataError>("[data] class {:?}: byte {} is no UTF-8 or a control character; rename it",
                      name, at + 1);
    }
    at += length;
  }
}

}  // namespace

std::vector<ImageFile> find_images(const FileSource& files, const DataConfig& config, Split split) {
  std::vector<ImageFile> found = find_before_skipping(files, config, split);
  if (!config.skip.empty()) leave_out(config.skip, found);
  if (found.empty()) {
    fail<DataError>("[data] {}: data.skip {} leaves no image", files.root(), config.skip);
  }
  return found;
}

bool val_is_test(const FileSource& files, const DataConfig& config) {
  const Layout layout = layout_of(files);
  const bool has_test = !config.test_list.empty() || !layout.test.empty();
  const bool has_val = !config.val_list.empty() || !layout.val.empty() || holds_out(config);
  return !(has_test && has_val);
}

std::vector<std::string> training_classes(const FileSource& files, const DataConfig& config) {
  const Layout layout = layout_of(files);
  std::vector<std::string> classes;
  if (config.train_list.empty()) {
    classes = files.folders(layout.train);
  } else {
    std::set<std::string> names;
    for (ImageFile& file : read_list(files, config, config.train_list)) {
      names.insert(std::move(file.label));
    }
    classes.assign(names.begin(), names.end());
  }
  std::for_each(classes.begin(), classes.end(), check_class_name);
  if (std::all_of(classes.begin(), classes.end(), is_number)) {
    std::stable_sort(classes.begin(), classes.end(),
                     [](const auto& a, const auto& b) { return std::stol(a) < std::stol(b); });
  }
  return classes;
}

}  // namespace tessera
