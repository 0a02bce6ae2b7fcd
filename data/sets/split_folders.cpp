#include "data/sets/split_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

constexpr std::array kTrain = {"train"sv, "training"sv};
constexpr std::array kVal = {"val"sv, "valid"sv, "validation"sv};
constexpr std::array kTest = {"test"sv, "testing"sv};
// What one folder between a split and its classes is called.
constexpr std::array kContainers = {"images"sv, "image"sv,    "imgs"sv,    "img"sv, "jpegs"sv,
                                    "photos"sv, "pictures"sv, "classes"sv, "data"sv};

template <typename Names>
bool is_one_of(const Names& names, std::string word) {
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(names.begin(), names.end(), word) != names.end();
}

/// The one folder in `base` with a name of a split; empty: none.
template <typename Names>
std::string split_in(const FileSource& files, SplitFolders& splits,
                     const std::vector<std::string>& folders, const Names& names) {
  std::string found;
  for (const std::string& folder : folders) {
    if (!is_one_of(names, folder)) continue;
    if (!found.empty()) {
      splits.problem =
          fmt::format("[data] {}: holds both {} and {}, which are the same split: join them",
                      shown(joined(files.root(), splits.base)), quoted(found), quoted(folder));
    }
    found = folder;
  }
  return found.empty() ? "" : joined(splits.base, found);
}

bool holds_image(const std::vector<std::string>& paths) {
  return std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
    return kind_of_name(path) != NameKind::kOther;
  });
}

/// `split`, or the one folder in it that holds all its classes.
std::string folder_of_classes(const FileSource& files, std::string split) {
  for (;;) {
    const FolderEntries inside = files.entries(split);
    if (inside.folders.size() != 1 || !is_one_of(kContainers, inside.folders.front()) ||
        holds_image(inside.files)) {
      return split;
    }
    const std::string next = joined(split, inside.folders.front());
    const FolderEntries below = files.entries(next);
    if (below.folders.empty() || holds_image(below.files)) return split;
    split = next;
  }
}

bool is_test_or_val(const std::string& name) {
  return is_one_of(kVal, name) || is_one_of(kTest, name);
}

}  // namespace

SplitFolders find_split_folders(const FileSource& files) {
  SplitFolders splits;
  std::vector<std::string> folders = files.folders("");
  std::string train = split_in(files, splits, folders, kTrain);
  // An archive often has one folder around everything.
  while (train.empty() && folders.size() == 1) {
    const std::string next = joined(splits.base, folders.front());
    std::vector<std::string> inside = files.folders(next);
    if (inside.empty()) break;
    splits.base = next;
    folders = std::move(inside);
    train = split_in(files, splits, folders, kTrain);
  }
  splits.has_train = !train.empty();
  if (!splits.has_train) {
    splits.train = splits.base;  // one folder of classes
    if (!folders.empty() && std::all_of(folders.begin(), folders.end(), is_test_or_val)) {
      splits.problem = fmt::format(
          "[data] {}: holds {} but no train: call the folder of the training images train, or set "
          "data.root to the folder of the classes",
          shown(joined(files.root(), splits.base)), quoted(folders.front()));
    }
    return splits;
  }
  splits.train = folder_of_classes(files, train);
  const std::string val = split_in(files, splits, folders, kVal);
  const std::string annotations = val + "/val_annotations.txt";
  if (!val.empty() && files.has_file(annotations)) {
    splits.val = val;
    splits.annotations = annotations;
    return splits;  // the test images of Tiny ImageNet have no classes
  }
  if (!val.empty()) splits.val = folder_of_classes(files, val);
  const std::string test = split_in(files, splits, folders, kTest);
  if (!test.empty()) splits.test = folder_of_classes(files, test);
  return splits;
}

void add_unread_beside(const FileSource& files, const SplitFolders& splits, Findings& findings) {
  FolderEntries base = files.entries(splits.base);
  const std::string place = shown(joined(files.root(), splits.base));
  if (!splits.has_train) {
    std::erase_if(base.folders, [](const std::string& name) { return !is_test_or_val(name); });
    if (base.folders.empty()) return;
    findings.problems.push_back(fmt::format(
        "[data] {}: {}", place,
        counted_names(base.folders, "folder with the name of a split is taken for a class",
                      "folders with names of splits are taken for classes")));
    return;
  }
  add_unread(place, base.left_out, base.files, findings);
  std::erase_if(base.folders, [&](const std::string& name) {
    return is_one_of(kTrain, name) || is_one_of(kVal, name) ||
           (is_one_of(kTest, name) && splits.annotations.empty());
  });
  if (base.folders.empty()) return;
  findings.notes.push_back(fmt::format("[data] {}: {}", place,
                                       counted_names(base.folders, "folder of no split, left out",
                                                     "folders of no split, left out")));
}

}  // namespace tessera
