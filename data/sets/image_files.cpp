#include "data/sets/image_files.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/hold_out.h"
#include "data/images/image_format.h"
#include "data/sets/image_list.h"
#include "data/sets/skip_list.h"
#include "data/sets/split_folders.h"
#include "files/file.h"

namespace tessera {
namespace {

/// Appends what has the name of an image that is read to `found`, and the rest to `others`.
void sort_by_name(std::vector<std::string> paths, const std::string& label,
                  std::vector<ImageFile>& found, std::vector<std::string>& others) {
  for (std::string& path : paths) {
    if (kind_of_name(path) == NameKind::kImage) {
      found.push_back({std::move(path), label});
    } else {
      others.push_back(std::move(path));
    }
  }
}

[[noreturn]] void refuse_class(const std::string& place, const std::vector<std::string>& others) {
  const bool has_images = std::any_of(others.begin(), others.end(), [](const std::string& path) {
    return kind_of_name(path) == NameKind::kUnreadImage;
  });
  fail<DataError>("[data] {}: holds no image that is read ({}); {}", place, image_endings(),
                  has_images ? "convert those in it" : "remove the folder");
}

/// Sorted by class, then by path. Every class folder must hold an image.
std::vector<ImageFile> read_class_folders(const FileSource& files, const std::string& folder,
                                          Findings& findings) {
  const std::string place = shown(joined(files.root(), folder));
  FolderEntries top = files.entries(folder);
  std::vector<LeftOut> left_out = std::move(top.left_out);
  // Listed before they are taken, so that a million images need not be moved when there are more.
  std::vector<std::vector<std::string>> listed;
  std::size_t count = 0;
  for (const std::string& name : top.folders) {
    Listing inside = files.list(joined(folder, name));
    inside.files.shrink_to_fit();
    count += inside.files.size();
    listed.push_back(std::move(inside.files));
    std::move(inside.left_out.begin(), inside.left_out.end(), std::back_inserter(left_out));
  }
  std::vector<ImageFile> found;
  found.reserve(count);
  std::vector<std::string> others;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const std::string& name = top.folders[i];
    const std::size_t before = found.size();
    const std::size_t others_before = others.size();
    sort_by_name(std::move(listed[i]), name, found, others);
    if (found.size() == before) {
      const auto in_class = others.begin() + static_cast<std::ptrdiff_t>(others_before);
      refuse_class(shown(joined(joined(files.root(), folder), name)), {in_class, others.end()});
    }
  }
  if (found.empty()) {
    fail<DataError>("[data] {}: holds no folders of images, one a class", place);
  }
  for (std::string& path : top.files) {
    if (kind_of_name(path) == NameKind::kImage) {
      fail<DataError>("[data] {}: lies in no class folder", shown(files.root() + '/' + path));
    }
    others.push_back(std::move(path));
  }
  add_unread(place, left_out, others, findings);
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
  std::size_t kept = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (out[i]) {
      held.push_back(std::move(files[i]));
    } else if (kept++ != i) {
      files[kept - 1] = std::move(files[i]);
    }
  }
  files.resize(kept);
  if (!held.empty() && !files.empty()) return;
  fail<DataError>("[data] {} leaves {}",
                  config.val_split > 0.0 ? fmt::format("data.val_split {}", config.val_split)
                                         : fmt::format("data.folds {}", config.folds),
                  files.empty() ? "nothing to train on" : "no validation: no class has two images");
}

/// A path as a list or skip file of any system may write it: the one that is there, else itself.
std::string path_that_is_there(const FileSource& files, std::string path) {
  std::string slashes = path;
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  for (const std::string& written : {path, slashes}) {
    const std::optional<std::string> cleaned = clean_path(written);
    if (cleaned && files.has_file(*cleaned)) return *cleaned;
  }
  return path;
}

/// What of the list fits no file at all is the same for every split: `findings` is that of
/// training.
void leave_out(const FileSource& source, const std::string& list, std::vector<ImageFile>& files,
               Findings& findings) {
  std::unordered_set<std::string> skipped;
  std::vector<std::string> lost;
  for (std::string& path : parse_skip_list(read_file(list, kMaxListBytes), shown(list))) {
    path = path_that_is_there(source, std::move(path));
    if (!source.has_file(path)) lost.push_back(path);
    skipped.insert(std::move(path));
  }
  // What a list of images names may be missing itself: then it does fit.
  std::unordered_set<std::string> used;
  std::erase_if(files, [&](const ImageFile& file) {
    return skipped.contains(file.path) && (used.insert(file.path), true);
  });
  std::erase_if(lost, [&](const std::string& path) { return used.contains(path); });
  if (lost.empty()) return;
  findings.problems.push_back(
      fmt::format("[data] data.skip {}: {}", shown(list),
                  counted_names(lost, "entry fits no file", "entries fit no file")));
}

/// A list lies below the root, as in an archive, or is a file of its own.
std::vector<ImageFile> read_list(const FileSource& files, const DataConfig& config,
                                 const std::string& list) {
  const bool is_inside = files.has_file(list);
  std::vector<ImageFile> found =
      parse_image_list(is_inside ? files.read(list, kMaxListBytes) : read_file(list, kMaxListBytes),
                       shown(is_inside ? files.root() + '/' + list : list), "", files.root());
  std::vector<std::string> missing;
  for (ImageFile& file : found) {
    file.path = path_that_is_there(files, std::move(file.path));
    if (!files.has_file(file.path)) missing.push_back(file.path);
  }
  if (missing.empty() || config.on_error == OnError::kSkip) return found;  // the loader skips these
  fail<DataError>("[list] {}: there is no {} below {}{}", shown(list), shown(missing.front()),
                  shown(files.root()),
                  missing.size() == 1 ? "" : fmt::format(", nor {} more", missing.size() - 1));
}

/// What kVal is made of, where training gives nothing up.
std::vector<ImageFile> find_val(const FileSource& files, const DataConfig& config,
                                const SplitFolders& splits, Findings& findings) {
  if (!config.val_list.empty()) return read_list(files, config, config.val_list);
  if (!splits.annotations.empty()) {
    return parse_image_list(files.read(splits.annotations, kMaxListBytes),
                            shown(files.root() + '/' + splits.annotations),
                            splits.val + "/images/");
  }
  if (!splits.val.empty()) return read_class_folders(files, splits.val, findings);
  if (!config.test_list.empty()) return read_list(files, config, config.test_list);
  if (!splits.test.empty()) return read_class_folders(files, splits.test, findings);
  fail<DataError>(
      "[data] {}: neither val nor test beside train; data.val_split: 0.1 holds a "
      "share of training out",
      shown(files.root()));
}

std::vector<ImageFile> find_training(const FileSource& files, const DataConfig& config,
                                     const SplitFolders& splits, Findings& findings) {
  if (!config.train_list.empty()) return read_list(files, config, config.train_list);
  if (!splits.problem.empty()) throw DataError(splits.problem);
  add_unread_beside(files, splits, findings);
  return read_class_folders(files, splits.train, findings);
}

std::vector<ImageFile> find_before_skipping(const FileSource& files, const DataConfig& config,
                                            Split split, Findings& findings) {
  const SplitFolders splits = find_split_folders(files);
  const std::string& val = config.val_list.empty() ? splits.val : config.val_list;
  if (holds_out(config) && !val.empty()) {
    fail<DataError>("[data] {}, but {} has {}: use one of them",
                    config.val_split > 0.0 ? fmt::format("data.val_split {}", config.val_split)
                                           : fmt::format("data.folds {}", config.folds),
                    shown(files.root()), shown(val));
  }
  if (split == Split::kTest && !config.test_list.empty()) {
    return read_list(files, config, config.test_list);
  }
  if (split == Split::kTest && !splits.test.empty()) {
    return read_class_folders(files, splits.test, findings);
  }
  if (split != Split::kTrain && !holds_out(config)) {
    return find_val(files, config, splits, findings);
  }
  Findings unused;  // what is held out comes from the files of training, which tells of them
  std::vector<ImageFile> training =
      find_training(files, config, splits, split == Split::kTrain ? findings : unused);
  if (!holds_out(config)) return training;
  std::vector<ImageFile> held;
  hold_out(config, training, held);
  return split == Split::kTrain ? training : held;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

void check_class_name(const std::string& name) {
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = printable_length(name, at);
    if (length == 0) {
      fail<DataError>("[data] class {}: byte {} is no UTF-8 or a control character; rename it",
                      quoted(name), at + 1);
    }
    at += length;
  }
}

}  // namespace

std::vector<ImageFile> find_images(const FileSource& files, const DataConfig& config, Split split,
                                   Findings* findings) {
  Findings unused;
  Findings& found_beside = findings != nullptr ? *findings : unused;
  std::vector<ImageFile> found = find_before_skipping(files, config, split, found_beside);
  if (!config.skip.empty()) {
    leave_out(files, config.skip, found, split == Split::kTrain ? found_beside : unused);
  }
  if (found.empty()) {
    fail<DataError>("[data] {}: data.skip {} leaves no image", shown(files.root()),
                    shown(config.skip));
  }
  const auto is_same = [&](const ImageFile& file) { return file.label == found.front().label; };
  if (split == Split::kTrain && std::all_of(found.begin(), found.end(), is_same)) {
    found_beside.problems.push_back(
        fmt::format("[data] {}: all images are of one class, {}: there is nothing to tell apart",
                    shown(files.root()), quoted(found.front().label)));
  }
  return found;
}

bool val_is_test(const FileSource& files, const DataConfig& config) {
  const SplitFolders splits = find_split_folders(files);
  const bool has_test = !config.test_list.empty() || !splits.test.empty();
  const bool has_val = !config.val_list.empty() || !splits.val.empty() || holds_out(config);
  return !(has_test && has_val);
}

std::vector<std::string> training_classes(const FileSource& files, const DataConfig& config) {
  std::vector<std::string> classes;
  if (config.train_list.empty()) {
    const SplitFolders splits = find_split_folders(files);
    if (!splits.problem.empty()) throw DataError(splits.problem);
    classes = files.folders(splits.train);
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

bool has_training_folder(const FileSource& files) { return find_split_folders(files).has_train; }

}  // namespace tessera
