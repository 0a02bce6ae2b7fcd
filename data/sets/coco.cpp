#include "data/sets/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/box_files.h"
#include "data/sets/coco_json.h"
#include "data/sets/dense_files.h"
#include "data/sets/split_plan.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{1} << 30;

/// The JSON file of a part as usually named; "" if there is none.
std::string usual_file(const FileSource& files, const std::string& base, Split part) {
  for (const char* name : names_of_part(part)) {
    for (const std::string& path :
         {fmt::format("annotations/instances_{}.json", name),
          fmt::format("annotations/instances_{}2017.json", name),
          fmt::format("annotations/instances_{}2014.json", name),
          fmt::format("annotations/{}.json", name), fmt::format("instances_{}.json", name),
          fmt::format("{}.json", name), fmt::format("{}/_annotations.coco.json", name)}) {
      if (files.has_file(joined(base, path))) return joined(base, path);
    }
  }
  return "";
}

struct CocoLayout {
  std::string base;
  std::string train, val, test;  ///< JSON files; "": none

  const std::string& file(Split part) const {
    return part == Split::kTrain ? train : part == Split::kVal ? val : test;
  }
  Parts parts() const { return {!val.empty(), !test.empty()}; }
};

CocoLayout layout_of(const FileSource& files, const DataConfig& config) {
  const std::vector<std::string> folders = {"annotations", "train", "images"};
  CocoLayout layout;
  layout.base = find_base(files, folders);
  const auto file = [&](Split part) {
    const std::string& list = list_of(config, part);
    return list.empty() ? usual_file(files, layout.base, part) : list;
  };
  layout.train = file(Split::kTrain);
  layout.val = file(Split::kVal);
  layout.test = file(Split::kTest);
  if (layout.train.empty()) {
    fail<DataError>(
        "[coco] {}: holds no annotations/instances_train.json; set data.train_list to "
        "the JSON file of training",
        shown_path(files));
  }
  return layout;
}

CocoFile read_json(const FileSource& files, const std::string& path) {
  const std::vector<std::uint8_t> bytes =
      files.has_file(path) ? files.read(path, kMaxJsonBytes) : read_listed(files, path);
  CocoFile file = parse_coco(bytes, shown(path));
  std::set<std::int64_t> ids;
  std::set<std::string> names;
  for (const CocoCategory& category : file.categories) {
    if (!ids.insert(category.id).second || !names.insert(category.name).second) {
      fail<DataError>("[coco] {}: category {} (id {}) is there twice", shown(path),
                      quoted(category.name), category.id);
    }
  }
  return file;
}

std::vector<std::string> classes_of(const DataConfig& config, CocoFile train,
                                    const std::string& path) {
  if (!config.classes.empty()) return config.classes;
  std::set<std::int64_t> used;
  std::set<std::string> parents;
  for (const CocoBox& box : train.annotations) used.insert(box.category_id);
  for (const CocoCategory& category : train.categories) {
    if (category.supercategory != category.name) parents.insert(category.supercategory);
  }
  std::sort(train.categories.begin(), train.categories.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<std::string> classes;
  for (const CocoCategory& category : train.categories) {
    const bool is_parent = !used.contains(category.id) && parents.contains(category.name);
    if (!is_parent) classes.push_back(category.name);
  }
  return checked_classes(std::move(classes), shown(path));
}

/// What stands before the names of a file's images: the first place where the first of them lies.
std::string prefix_of(const FileSource& files, const DataConfig& config, const CocoLayout& layout,
                      Split part, const CocoFile& file) {
  std::vector<std::string> folders;
  if (!config.images.empty()) folders.push_back(joined(layout.base, config.images));
  folders.push_back(layout.base);
  folders.push_back(joined(layout.base, "images"));
  const std::string& json = layout.file(part);
  if (json.find('/') != std::string::npos) folders.push_back(json.substr(0, json.rfind('/')));
  for (const char* name : names_of_part(part)) {
    for (const char* year : {"", "2017", "2014"}) {
      folders.push_back(joined(layout.base, fmt::format("{}{}", name, year)));
      folders.push_back(joined(layout.base, fmt::format("images/{}{}", name, year)));
    }
  }
  for (const std::string& folder : folders) {
    if (files.has_file(joined(folder, file.images.front().file_name))) return folder;
  }
  fail<DataError>(
      "[coco] {}: its first image {} is nowhere below {}; set data.images to the "
      "folder of the images",
      shown(json), quoted(file.images.front().file_name), shown_path(files));
}

/// The images of a file in its order, boxes not yet labelled: their categories.
BoxedImages boxed_images(const FileSource& files, const DataConfig& config,
                         const CocoLayout& layout, Split part, CocoFile file,
                         const std::vector<std::string>& classes) {
  const std::string& json = layout.file(part);
  if (file.images.empty()) fail<DataError>("[coco] {}: holds no image", shown(json));
  const std::string folder = prefix_of(files, config, layout, part, file);
  BoxedImages boxed;
  BoxWarnings warnings;
  std::unordered_map<std::int64_t, std::size_t> places;
  for (const CocoImage& image : file.images) {
    if (!places.emplace(image.id, boxed.images.size()).second) {
      fail<DataError>("[coco] {}: image id {} is there twice", shown(json), image.id);
    }
    BoxedImage& added = boxed.images.emplace_back();
    added.path = joined(folder, image.file_name);
    added.id = image.id;
    added.declared = {image.height, image.width};
    if (config.on_error == OnError::kFail && !files.has_file(added.path)) {
      fail<DataError>("[coco] {}: there is no image {} (id {})", shown(json),
                      shown_path(files, added.path), image.id);
    }
  }
  std::unordered_map<std::int64_t, const std::string*> categories;
  for (const CocoCategory& category : file.categories) categories[category.id] = &category.name;
  std::unordered_map<std::string, std::int32_t> labels;
  for (const std::string& name : classes) {
    labels.emplace(name, static_cast<std::int32_t>(labels.size()));
  }
  boxed.class_ids.assign(classes.size(), -1);  // of a class that this part does not list
  for (const CocoCategory& category : file.categories) {
    const auto label = labels.find(category.name);
    if (label != labels.end()) {
      boxed.class_ids[static_cast<std::size_t>(label->second)] = category.id;
    }
  }
  std::int64_t number = 0;
  for (const CocoBox& annotation : file.annotations) {
    const std::string place =
        fmt::format("[coco] {}: annotations[{}]{}", shown(json), number++,
                    annotation.id != 0 ? fmt::format(" (id {})", annotation.id) : "");
    const auto image = places.find(annotation.image_id);
    if (image == places.end()) {
      fail<DataError>("{}: there is no image {}", place, annotation.image_id);
    }
    const auto category = categories.find(annotation.category_id);
    if (category == categories.end()) {
      fail<DataError>("{}: there is no category {}", place, annotation.category_id);
    }
    const auto label = labels.find(*category->second);
    if (label == labels.end()) {
      fail<DataError>("{}: {} is none of the {} classes {}", place, quoted(*category->second),
                      classes.size(), fmt::join(classes, ", "));
    }
    BoxedImage& owner = boxed.images[image->second];
    const auto [x, y, width, height] = annotation.bbox;
    auto box = checked_box({x, y, x + width, y + height}, owner.declared, place, warnings);
    if (!box) continue;
    box->label = label->second;
    box->crowd = annotation.crowd;
    if (annotation.area > 0.0) box->area = static_cast<float>(annotation.area);
    owner.boxes.push_back(*box);
  }
  boxed.warnings = warnings.take();
  return boxed;
}

}  // namespace

std::unique_ptr<Dataset> open_coco(const DataConfig& config, Split split) {
  std::shared_ptr<const FileSource> files = open_root(config);
  const CocoLayout layout = layout_of(*files, config);
  const Split part = stored_part(config, split, layout.parts(), shown_path(*files));
  DatasetInfo info = dataset_info(config);
  CocoFile file = read_json(*files, layout.file(part));
  if (!config.classes.empty()) {
    info.class_names = config.classes;
  } else {
    info.class_names = classes_of(
        config, part == Split::kTrain ? file : read_json(*files, layout.train), layout.train);
  }
  BoxedImages boxed = boxed_images(*files, config, layout, part, std::move(file), info.class_names);
  boxed.images = samples_of_split(std::move(boxed.images), config, split, part);
  return make_box_dataset(std::move(info), std::move(files), std::move(boxed), config);
}

std::vector<std::string> coco_classes(const DataConfig& config) {
  if (!config.classes.empty()) return config.classes;
  const std::shared_ptr<const FileSource> files = open_root(config);
  const CocoLayout layout = layout_of(*files, config);
  return classes_of(config, read_json(*files, layout.train), layout.train);
}

bool coco_validates_on_test(const DataConfig& config) {
  const std::shared_ptr<const FileSource> files = open_root(config);
  return parts_coincide(config, layout_of(*files, config).parts());
}

AnnotationFiles coco_annotations(const DataConfig& config) {
  AnnotationFiles annotations{.files = open_root(config), .paths = {}};
  const CocoLayout layout = layout_of(*annotations.files, config);
  for (const std::string& path : {layout.train, layout.val, layout.test}) {
    const bool is_new = std::ranges::find(annotations.paths, path) == annotations.paths.end();
    if (!path.empty() && is_new) annotations.paths.push_back(path);
  }
  return annotations;
}

}  // namespace tessera
