#include "data/survey.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "core/error.h"
#include "core/text.h"
#include "data/dataset.h"
#include "data/images/image_format.h"
#include "data/open_dataset.h"
#include "data/sets/dense_files.h"
#include "data/sets/image_list.h"
#include "data/sets/image_mask_files.h"
#include "data/sets/split_folders.h"
#include "data/survey_look.h"
#include "files/file.h"
#include "files/file_source.h"

namespace tessera {
namespace {

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

bool holds_ending(const FileSource& files, const std::string& folder, std::string_view ending) {
  const std::vector<std::string> paths = files.files(folder);
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return path.ends_with(ending); });
}

bool is_coco(const FileSource& files, const std::string& base) {
  for (const char* folder : {"train", "train2017", "training"}) {
    if (files.has_file(joined(base, std::string(folder) + "/_annotations.coco.json"))) return true;
  }
  if (!files.has_folder(joined(base, "annotations"))) return false;
  return holds_ending(files, joined(base, "annotations"), ".json");
}

bool is_masks(const FileSource& files, const DataConfig& config) {
  try {
    const MaskLayout layout = mask_layout(files, config);
    return holds_ending(files, layout.masks, ".png") || holds_ending(files, layout.masks, ".PNG");
  } catch (const DataError&) {
    return false;
  }
}

/// The table that is meant by its name, else the only one; "" if it names no images and classes.
std::string list_called(const FileSource& files, const std::vector<std::string>& tables,
                        std::initializer_list<std::string_view> names) {
  for (const std::string& table : tables) {
    const std::string_view stem = std::string_view(table).substr(0, table.rfind('.'));
    if (std::find(names.begin(), names.end(), stem) == names.end()) continue;
    try {
      const std::vector<ImageFile> rows =
          parse_image_list(files.read(table, kMaxListBytes), table, "", files.root());
      if (files.has_file(rows.front().path)) return table;
    } catch (const DataError&) {
      continue;
    }
  }
  return "";
}

/// Sets the lists if the root has any that fit.
bool find_lists(const FileSource& files, DataConfig& config) {
  std::vector<std::string> tables;
  for (const std::string& path : files.top_files("")) {
    if (ends_with_any(path, {".csv", ".tsv", ".CSV", ".TSV"})) tables.push_back(path);
  }
  config.train_list = list_called(files, tables, {"train", "training", "Train", "train_labels"});
  if (config.train_list.empty()) {
    config.train_list =
        list_called(files, tables, {"labels", "images", "data", "metadata", "annotations", "all"});
  }
  if (config.train_list.empty() && tables.size() == 1) {
    const std::string stem = tables.front().substr(0, tables.front().rfind('.'));
    config.train_list = list_called(files, tables, {stem});
  }
  if (config.train_list.empty()) return false;
  config.val_list = list_called(files, tables, {"val", "valid", "validation", "Val"});
  config.test_list = list_called(files, tables, {"test", "testing", "Test"});
  return true;
}

bool has_class_folders(const FileSource& files) {
  const SplitFolders splits = find_split_folders(files);
  return splits.has_train || !files.folders(splits.train).empty();
}

[[noreturn]] void refuse(const FileSource& files) {
  const std::vector<std::string> paths = files.files("");
  const auto images = std::count_if(paths.begin(), paths.end(), [](const std::string& path) {
    return kind_of_name(path) == NameKind::kImage;
  });
  const std::string place = shown(files.root());
  if (images == 0) {
    fail<DataError>("[data] {}: holds no image that is read ({})", place, image_endings());
  }
  if (std::any_of(paths.begin(), paths.end(),
                  [](const std::string& path) { return path.ends_with(".txt"); })) {
    fail<DataError>(
        "[data] {}: holds {} images and text files, but no data.yaml that says what the classes of "
        "boxes are (names: [...]), nor a folder for each class",
        place, images);
  }
  fail<DataError>(
      "[data] {}: holds {} images and nothing that says what they show: put those of each class "
      "into a folder of its own, or write labels.csv with the columns path and label",
      place, images);
}

std::array<std::int64_t, 3> range_of(std::vector<std::int64_t>& sides) {
  std::sort(sides.begin(), sides.end());
  return {sides.front(), sides[sides.size() / 2], sides.back()};
}

/// A tenth of many images is enough to tell runs apart; of few it takes a fifth.
double share_to_hold_out(std::int64_t images) {
  constexpr std::int64_t kFew = 2000;
  return images < kFew ? 0.2 : 0.1;
}

/// Where validation comes from.
void plan_splits(const FileSource& files, const Dataset& training, DataSurvey& survey) {
  DataConfig& config = survey.config;
  const bool is_folder = config.name == DatasetName::kImageFolder;
  try {
    survey.validation = open_dataset(config, Split::kVal)->size();
    survey.spares_test = !validates_on_test(config);
    if (survey.spares_test) return;
    const bool has_only_test = is_folder && config.val_list.empty() &&
                               (!config.test_list.empty() || find_split_folders(files).val.empty());
    if (!has_only_test) return;
    survey.validation = 0;
    survey.spares_test = true;
  } catch (const DataError&) {
    survey.validation = 0;
  }
  const bool one_each = survey.kind == TargetKind::kClass &&
                        std::all_of(survey.class_counts.begin(), survey.class_counts.end(),
                                    [](std::int64_t images) { return images < 2; });
  if (one_each || training.size() < 2) {
    survey.trains_on_all = true;
  } else {
    config.val_split = share_to_hold_out(training.size());
  }
}

}  // namespace

DataConfig recognise_data(const std::string& root) {
  const std::shared_ptr<const FileSource> files = open_files(root);
  DataConfig config;
  config.root = root;
  const std::vector<std::string> signs = {"Annotations", "annotations", "images", "img_dir",
                                          "JPEGImages"};
  const std::string base = find_base(*files, signs);
  const std::string described = joined(base, "data.yaml");
  if (files->has_file(described) || files->has_file("data.yaml")) {
    config.name = DatasetName::kYolo;
  } else if (files->has_folder(joined(base, "Annotations")) &&
             holds_ending(*files, joined(base, "Annotations"), ".xml")) {
    config.name = DatasetName::kVoc;
  } else if (is_coco(*files, base)) {
    config.name = DatasetName::kCoco;
  } else if (is_masks(*files, config)) {
    config.name = DatasetName::kImageMasks;
  } else {
    config.name = DatasetName::kImageFolder;
    if (!find_lists(*files, config) && !has_class_folders(*files)) refuse(*files);
  }
  return config;
}

DataSurvey survey_data(const std::string& root) {
  DataSurvey survey;
  survey.config = recognise_data(root);
  survey.kind = target_kind_of(survey.config.name);
  survey.config.image = {224, 224, 3};
  survey.config.whole_images = true;
  const std::shared_ptr<const FileSource> files = open_files(root);
  if (survey.kind == TargetKind::kMask) name_mask_classes(*files, survey.config);
  const std::unique_ptr<Dataset> training = open_dataset(survey.config, Split::kTrain);
  survey.training = training->size();
  survey.classes = training->class_names();
  if (survey.kind == TargetKind::kClass) {
    survey.class_counts.resize(survey.classes.size());
    for (std::int64_t i = 0; i < training->size(); ++i) {
      ++survey.class_counts[static_cast<std::size_t>(training->label(i))];
    }
  }
  SurveyLook look = look_at(*training);
  survey.unreadable = look.unreadable;
  survey.unreadable_example = look.example;
  if (look.heights.empty()) throw DataError(look.example);
  survey.heights = range_of(look.heights);
  survey.widths = range_of(look.widths);
  survey.is_grey = look.is_grey;
  survey.measured = look.measured;
  survey.pixels = std::move(look.pixels);
  survey.most_boxes = look.most_boxes;
  if (!look.box_sides.empty()) {
    std::sort(look.box_sides.begin(), look.box_sides.end());
    const std::size_t last = look.box_sides.size() - 1;
    survey.box_sides = {look.box_sides[last / 20], look.box_sides[last / 2],
                        look.box_sides[last - last / 20]};
  }
  plan_splits(*files, *training, survey);
  return survey;
}

}  // namespace tessera
