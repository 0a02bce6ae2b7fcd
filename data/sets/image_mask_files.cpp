#include "data/sets/image_mask_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/dense_files.h"
#include "data/sets/findings.h"
#include "data/sets/table_file.h"

namespace tessera {
namespace {

using Names = std::vector<std::string>;

const Names kImageFolders = {"images", "img_dir", "JPEGImages"};
const Names kMaskFolders = {"labels", "masks", "annotations", "ann_dir", "SegmentationClass"};

/// The first of `names` that is a folder in `base`; "" if none is.
std::string first_folder(const FileSource& files, const std::string& base, const Names& names) {
  for (const std::string& name : names) {
    if (files.has_folder(joined(base, name))) return joined(base, name);
  }
  return "";
}

std::string part_folder(const FileSource& files, const std::string& folder, Split part) {
  const auto names = names_of_part(part);
  return first_folder(files, folder, Names(names.begin(), names.end()));
}

std::string named_folder(const FileSource& files, const std::string& base, const std::string& name,
                         const Names& usual, const char* key, bool has_list) {
  const std::string found =
      name.empty() ? first_folder(files, base, usual) : first_folder(files, base, {name});
  if (!found.empty() || (name.empty() && has_list)) return found;
  fail<DataError>("[image_masks] {}: holds no folder {}; set data.{} to the one it is",
                  shown_path(files, base),
                  name.empty() ? fmt::format("{}", fmt::join(usual, ", ")) : shown(name), key);
}

bool is_mask(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot != std::string::npos && (path.substr(dot) == ".png" || path.substr(dot) == ".PNG");
}

/// Paths by what they are called below `folder`. Throws DataError if two have one name.
template <typename IsWanted>
std::map<std::string, std::string> by_stem(const FileSource& files, const std::string& folder,
                                           const IsWanted& is_wanted) {
  std::map<std::string, std::string> found;
  for (std::string& path : files.files(folder)) {
    if (!is_wanted(path)) continue;
    const auto [place, is_new] = found.try_emplace(stem_below(path, folder), path);
    if (!is_new) {
      fail<DataError>("[image_masks] {}: {} and {} have one name; which is meant?",
                      shown_path(files), shown(place->second), shown(path));
    }
  }
  return found;
}

/// Says what is missing, or leaves the pair out.
void miss(const DataConfig& config, std::string message, std::vector<std::string>& warnings) {
  if (config.on_error == OnError::kFail) throw DataError(std::move(message));
  warnings.push_back("skipped: " + std::move(message));
}

std::vector<ImageAndMask> pairs_in(const FileSource& files, const DataConfig& config,
                                   const std::string& images, const std::string& masks,
                                   std::vector<std::string>& warnings) {
  const auto of_images = by_stem(files, images, has_image_ending);
  const auto of_masks = by_stem(files, masks, is_mask);
  std::vector<std::string> extra;
  for (const auto& [stem, path] : of_masks) {
    if (!of_images.contains(stem)) extra.push_back(path);
  }
  if (!extra.empty()) {
    warnings.push_back("[image_masks] " + shown_path(files, masks) + ": " +
                       counted_names(extra, "mask has no image in " + shown(images),
                                     "masks have no image in " + shown(images)));
  }
  std::vector<ImageAndMask> pairs;
  for (const auto& [stem, path] : of_images) {
    const auto mask = of_masks.find(stem);
    if (mask != of_masks.end()) {
      pairs.push_back({path, mask->second});
    } else {
      miss(config,
           fmt::format("[image_masks] {}: there is no mask {}", shown_path(files, path),
                       shown(joined(masks, stem + ".png"))),
           warnings);
    }
  }
  if (of_images.empty()) {
    fail<DataError>("[image_masks] {}: holds no image", shown_path(files, images));
  }
  if (pairs.empty()) {
    fail<DataError>("[image_masks] {}: holds no PNG mask of an image in {}",
                    shown_path(files, masks), shown(images));
  }
  return pairs;
}

/// A row is an image and its mask, or one name of both.
std::vector<ImageAndMask> pairs_of_list(const FileSource& files, const DataConfig& config,
                                        const MaskLayout& layout, const std::string& list,
                                        std::vector<std::string>& warnings) {
  const std::vector<TableRow> rows = parse_table(read_listed(files, list), shown(list));
  std::map<std::string, std::string> of_images, of_masks;
  if (!rows.empty() && rows.front().cells.size() == 1) {
    of_images = by_stem(files, layout.images, has_image_ending);
    of_masks = by_stem(files, layout.masks, is_mask);
  }
  std::vector<ImageAndMask> pairs;
  for (const TableRow& row : rows) {
    ImageAndMask pair;
    if (row.cells.size() == 1) {
      const std::string& stem = row.cells.front();
      const auto image = of_images.find(stem), mask = of_masks.find(stem);
      if (image != of_images.end()) pair.path = image->second;
      if (mask != of_masks.end()) pair.mask = mask->second;
    } else if (row.cells.size() == 2) {
      if (pairs.empty() && row.line == 1 && row.cells[0] == "image") continue;  // names of columns
      if (files.has_file(row.cells[0])) pair.path = row.cells[0];
      if (files.has_file(row.cells[1])) pair.mask = row.cells[1];
    } else {
      fail<DataError>("[image_masks] {}:{}: {} columns; paths of image and mask, or one name",
                      shown(list), row.line, row.cells.size());
    }
    if (!pair.path.empty() && !pair.mask.empty()) {
      pairs.push_back(std::move(pair));
      continue;
    }
    miss(config,
         fmt::format("[image_masks] {}:{}: there is no {} of {} below {}", shown(list), row.line,
                     pair.path.empty() ? "image" : "mask", quoted(row.cells.front()),
                     shown_path(files)),
         warnings);
  }
  if (pairs.empty()) fail<DataError>("[image_masks] {}: names no image with a mask", shown(list));
  return pairs;
}

}  // namespace

MaskLayout mask_layout(const FileSource& files, const DataConfig& config) {
  MaskLayout layout;
  Names known = config.images.empty() ? kImageFolders : Names{config.images};
  layout.base = find_base(files, known);
  const bool has_list = !config.train_list.empty();  // whose rows may be paths below the root
  layout.images =
      named_folder(files, layout.base, config.images, kImageFolders, "images", has_list);
  layout.masks = named_folder(files, layout.base, config.masks, kMaskFolders, "masks", has_list);
  const auto has = [&](Split part) {
    return !list_of(config, part).empty() || !part_folder(files, layout.images, part).empty();
  };
  layout.parts = {has(Split::kVal), has(Split::kTest)};
  return layout;
}

std::vector<ImageAndMask> images_and_masks(const FileSource& files, const DataConfig& config,
                                           const MaskLayout& layout, Split part,
                                           std::vector<std::string>& warnings) {
  if (const std::string& list = list_of(config, part); !list.empty()) {
    return pairs_of_list(files, config, layout, list, warnings);
  }
  const std::string images = part_folder(files, layout.images, part);
  if (part == Split::kTrain && images.empty()) {
    return pairs_in(files, config, layout.images, layout.masks, warnings);
  }
  const std::string masks = part_folder(files, layout.masks, part);
  if (masks.empty()) {
    fail<DataError>("[image_masks] {}: has images in {}, but no folder {} of their masks",
                    shown_path(files), shown(images),
                    shown(joined(layout.masks, names_of_part(part).front())));
  }
  return pairs_in(files, config, images, masks, warnings);
}

}  // namespace tessera
