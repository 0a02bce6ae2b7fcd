#include "data/sets/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/dense_files.h"
#include "data/sets/split_plan.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxXmlBytes = std::size_t{16} << 20;

struct VocLayout {
  std::string base;
  std::string images;
  Parts parts;
};

VocLayout layout_of(const FileSource& files, const DataConfig& config) {
  VocLayout layout;
  const std::vector<std::string> folders = {"Annotations"};
  layout.base = find_base(files, folders);
  if (!files.has_folder(joined(layout.base, "Annotations"))) {
    fail<DataError>("[voc] {}: holds no folder Annotations", shown_path(files));
  }
  layout.images = joined(layout.base, config.images.empty() ? "JPEGImages" : config.images);
  if (!files.has_folder(layout.images)) {
    fail<DataError>("[voc] {}: holds no folder {}; set data.images to the one of the images",
                    shown_path(files), shown(layout.images));
  }
  const auto has = [&](Split part) {
    const std::string name = fmt::format("ImageSets/Main/{}.txt", names_of_part(part).front());
    return !list_of(config, part).empty() || files.has_file(joined(layout.base, name));
  };
  layout.parts = {has(Split::kVal), has(Split::kTest)};
  return layout;
}

/// The first word of a line: lists of one class say in a second whether it is there.
std::vector<std::string> names_in(const FileSource& files, const std::string& list) {
  std::vector<std::string> names = lines_of(read_listed(files, list));
  for (std::string& name : names) name = name.substr(0, name.find_first_of(" \t"));
  if (names.empty()) fail<DataError>("[voc] {}: names no image", shown(list));
  return names;
}

std::vector<std::string> names_of(const FileSource& files, const DataConfig& config,
                                  const VocLayout& layout, Split part) {
  if (const std::string& list = list_of(config, part); !list.empty()) {
    return names_in(files, list);
  }
  const auto usual = [&](const char* name) {
    return joined(layout.base, fmt::format("ImageSets/Main/{}.txt", name));
  };
  for (const char* name : names_of_part(part)) {
    if (files.has_file(usual(name))) return names_in(files, usual(name));
  }
  if (files.has_file(usual("trainval"))) return names_in(files, usual("trainval"));
  const std::string folder = joined(layout.base, "Annotations");
  std::vector<std::string> names;
  for (const std::string& path : files.files(folder)) {
    if (path.ends_with(".xml")) names.push_back(stem_below(path, folder));
  }
  if (names.empty()) fail<DataError>("[voc] {}: holds no XML file", shown_path(files, folder));
  return names;
}

/// One image of a part with its objects, whose names are still words.
struct Annotated {
  std::string path;
  std::string xml;
  VocAnnotation annotation;
};

std::vector<Annotated> read_part(const FileSource& files, const DataConfig& config,
                                 const VocLayout& layout, Split part, BoxWarnings& warnings) {
  std::map<std::string, std::string> images;
  for (std::string& path : files.files(layout.images)) {
    if (has_image_ending(path)) images.emplace(stem_below(path, layout.images), path);
  }
  std::vector<Annotated> found;
  std::set<std::string> seen;
  for (const std::string& name : names_of(files, config, layout, part)) {
    if (!seen.insert(name).second) {
      fail<DataError>("[voc] {}: {} is listed twice", shown_path(files), quoted(name));
    }
    const std::string xml = joined(layout.base, fmt::format("Annotations/{}.xml", name));
    const auto image = images.find(name);
    if (image == images.end()) {
      fail<DataError>("[voc] {}: there is no image of that name in {}", shown_path(files, xml),
                      shown(layout.images));
    }
    const std::string place = shown_path(files, xml);
    found.push_back(
        {image->second, place, parse_voc(files.read(xml, kMaxXmlBytes), place, warnings)});
  }
  return found;
}

std::vector<std::string> classes_of(const FileSource& files, const DataConfig& config,
                                    const VocLayout& layout) {
  std::vector<std::string> classes = listed_classes(files, config, layout.base);
  if (!classes.empty()) return classes;
  std::set<std::string> names;
  BoxWarnings ignored(/*forgiving=*/true);
  for (const Annotated& image : read_part(files, config, layout, Split::kTrain, ignored)) {
    for (const VocObject& object : image.annotation.objects) names.insert(object.name);
  }
  if (names.empty()) fail<DataError>("[voc] {}: no training image has a box", shown_path(files));
  return checked_classes({names.begin(), names.end()}, shown_path(files));
}

}  // namespace

std::unique_ptr<Dataset> open_voc(const DataConfig& config, Split split) {
  std::shared_ptr<const FileSource> files = open_root(config);
  const VocLayout layout = layout_of(*files, config);
  DatasetInfo info = dataset_info(config);
  info.class_names = classes_of(*files, config, layout);
  const Split part = stored_part(config, split, layout.parts, shown_path(*files));
  BoxWarnings warnings;
  BoxedImages boxed;
  for (Annotated& image :
       samples_of_split(read_part(*files, config, layout, part, warnings), config, split, part)) {
    BoxedImage& added = boxed.images.emplace_back();
    added.path = std::move(image.path);
    added.declared = image.annotation.size;
    for (VocObject& object : image.annotation.objects) {
      const auto known = std::find(info.class_names.begin(), info.class_names.end(), object.name);
      if (known == info.class_names.end()) {
        fail<DataError>("[voc] {}: {} is none of the {} classes {}", image.xml, quoted(object.name),
                        info.class_names.size(), fmt::join(info.class_names, ", "));
      }
      object.box.label = static_cast<std::int32_t>(known - info.class_names.begin());
      added.boxes.push_back(object.box);
    }
  }
  boxed.warnings = warnings.take();
  return make_box_dataset(std::move(info), std::move(files), std::move(boxed), config);
}

std::vector<std::string> voc_classes(const DataConfig& config) {
  const std::shared_ptr<const FileSource> files = open_root(config);
  return classes_of(*files, config, layout_of(*files, config));
}

bool voc_validates_on_test(const DataConfig& config) {
  const std::shared_ptr<const FileSource> files = open_root(config);
  return parts_coincide(config, layout_of(*files, config).parts);
}

AnnotationFiles voc_annotations(const DataConfig& config) {
  AnnotationFiles annotations{.files = open_root(config), .paths = {}};
  const VocLayout layout = layout_of(*annotations.files, config);
  for (std::string& path : annotations.files->files(joined(layout.base, "Annotations"))) {
    if (path.ends_with(".xml")) annotations.paths.push_back(std::move(path));
  }
  return annotations;
}

}  // namespace tessera
