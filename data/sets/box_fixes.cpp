#include "data/sets/box_fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "data/sets/coco.h"
#include "data/sets/dense_files.h"
#include "data/sets/voc.h"
#include "data/sets/yolo.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostBytes = std::size_t{1} << 30;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The numbers of a row; empty if a word is none.
std::vector<double> numbers_of(std::string_view row) {
  std::vector<double> numbers;
  constexpr std::string_view kSpace = " \t,\r";
  for (std::size_t at = row.find_first_not_of(kSpace); at < row.size();
       at = row.find_first_not_of(kSpace, at)) {
    const std::size_t end = std::min(row.find_first_of(kSpace, at), row.size());
    double value = 0.0;
    const auto [stop, error] = std::from_chars(row.data() + at, row.data() + end, value);
    if (error != std::errc{} || stop != row.data() + end) return {};
    numbers.push_back(value);
    at = end;
  }
  return numbers;
}

/// The row as it should be: the same, changed, or empty if it has to go.
std::string fixed_row(std::string_view row, BoxFixer& fixer, BoxFixes& fixes) {
  const std::vector<double> n = numbers_of(row);
  if (n.size() < 5 || (n.size() > 5 && (n.size() < 7 || n.size() % 2 == 0))) {
    ++fixes.unreadable;
    return {};
  }
  const std::string label = fmt::format("{}", n[0]);
  if (n.size() == 5) {
    const std::array<double, 4> corners{n[1] - 0.5 * n[3], n[2] - 0.5 * n[4], n[1] + 0.5 * n[3],
                                        n[2] + 0.5 * n[4]};
    const auto fixed = fixer.fixed(corners, label);
    if (!fixed) return {};
    if (*fixed == corners) return std::string(row);
    const auto [x0, y0, x1, y1] = *fixed;
    return fmt::format("{} {:.8g} {:.8g} {:.8g} {:.8g}", label, (x0 + x1) / 2, (y0 + y1) / 2,
                       x1 - x0, y1 - y0);
  }
  std::array<double, 4> hull{n[1], n[2], n[1], n[2]};
  std::string outline = label;
  for (std::size_t i = 1; i < n.size(); ++i) {
    const std::size_t axis = 1 - i % 2;
    hull[axis] = std::min(hull[axis], n[i]);
    hull[axis + 2] = std::max(hull[axis + 2], n[i]);
    outline += fmt::format(" {:.8g}", std::clamp(n[i], 0.0, 1.0));
    if (!std::isfinite(n[i])) hull[axis] = n[i];
  }
  const auto fixed = fixer.fixed(hull, label);
  if (!fixed) return {};
  return *fixed == hull ? std::string(row) : outline;
}

std::optional<std::array<double, 4>> corners_of(const Json& annotation) {
  const auto bbox = annotation.find("bbox");
  if (bbox == annotation.end() || !bbox->is_array() || bbox->size() != 4) return std::nullopt;
  for (const Json& number : *bbox) {
    if (!number.is_number()) return std::nullopt;
  }
  const std::array<double, 4> box = bbox->get<std::array<double, 4>>();
  return std::array{box[0], box[1], box[0] + box[2], box[1] + box[3]};
}

std::int64_t side_of(const Json& image, const char* key) {
  const auto side = image.find(key);
  if (side == image.end() || !side->is_number()) return 0;
  const auto pixels = side->get<double>();
  return pixels > 0.0 && pixels < 1e6 ? static_cast<std::int64_t>(pixels) : 0;
}

Json& list_of(Json& file, const char* key, std::string_view name) {
  const auto list = file.is_object() ? file.find(key) : file.end();
  if (list == file.end() || !list->is_array()) {
    fail<DataError>("[coco] {}: has no list of {}", name, key);
  }
  return *list;
}

AnnotationFiles annotation_files(const DataConfig& config) {
  switch (config.name) {
    case DatasetName::kVoc:
      return voc_annotations(config);
    case DatasetName::kCoco:
      return coco_annotations(config);
    case DatasetName::kYolo:
      return yolo_annotations(config);
    default:
      fail<ConfigError>("--write-fixed: is for voc, coco and yolo, not for {}",
                        dataset_info(config.name).name);
  }
}

std::string fixed_file(DatasetName format, std::span<const std::uint8_t> bytes,
                       const std::string& name, BoxFixes& fixes) {
  if (format == DatasetName::kVoc) return fixed_voc(bytes, name, fixes);
  if (format == DatasetName::kCoco) return fixed_coco(bytes, name, fixes);
  return fixed_yolo(bytes, fixes);
}

}  // namespace

std::optional<std::array<double, 4>> BoxFixer::fixed(std::array<double, 4> corners,
                                                     const std::string& class_name) {
  if (!std::ranges::all_of(corners, [](double value) { return std::isfinite(value); })) {
    ++fixes_.unreadable;
    return std::nullopt;
  }
  if (corners[0] == corners[2] || corners[1] == corners[3]) {
    ++fixes_.empty;
    return std::nullopt;
  }
  const bool swapped = corners[0] > corners[2] || corners[1] > corners[3];
  if (corners[0] > corners[2]) std::swap(corners[0], corners[2]);
  if (corners[1] > corners[3]) std::swap(corners[1], corners[3]);
  constexpr double kMost = std::numeric_limits<double>::max();
  const double width = image_.width > 0 ? static_cast<double>(image_.width) : kMost;
  const double height = image_.height > 0 ? static_cast<double>(image_.height) : kMost;
  const std::array<double, 4> within{
      std::clamp(corners[0], 0.0, width), std::clamp(corners[1], 0.0, height),
      std::clamp(corners[2], 0.0, width), std::clamp(corners[3], 0.0, height)};
  if (within[0] == within[2] || within[1] == within[3]) {
    ++fixes_.outside;
    return std::nullopt;
  }
  if (!seen_.emplace(within, class_name).second) {
    ++fixes_.repeated;
    return std::nullopt;
  }
  fixes_.turned += swapped ? 1 : 0;
  fixes_.cut += within != corners ? 1 : 0;
  ++fixes_.boxes;
  return within;
}

std::string fixed_yolo(std::span<const std::uint8_t> bytes, BoxFixes& fixes) {
  BoxFixer fixer({1, 1}, fixes);
  std::string result;
  for (const std::string& row : lines_of(bytes)) {
    const std::string fixed = fixed_row(row, fixer, fixes);
    if (!fixed.empty()) result += fixed + '\n';
  }
  return result;
}

std::string fixed_coco(std::span<const std::uint8_t> bytes, std::string_view name,
                       BoxFixes& fixes) {
  Json file = Json::parse(text_of(bytes), nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) fail<DataError>("[coco] {}: no JSON", name);
  std::map<Json, BoxFixer> images;
  for (const Json& image : list_of(file, "images", name)) {
    if (!image.is_object() || !image.contains("id")) continue;
    const ImageSize size{side_of(image, "height"), side_of(image, "width")};
    images.emplace(image["id"], BoxFixer(size, fixes));
  }
  std::set<Json> categories;
  for (const Json& category : list_of(file, "categories", name)) {
    if (category.is_object() && category.contains("id")) categories.insert(category["id"]);
  }
  Json kept = Json::array();
  for (Json& annotation : list_of(file, "annotations", name)) {
    if (!annotation.is_object()) annotation = Json::object();
    const auto corners = corners_of(annotation);
    const auto image = images.find(annotation.value("image_id", Json()));
    const Json category = annotation.value("category_id", Json());
    if (!corners || image == images.end() || !categories.contains(category)) {
      ++fixes.unreadable;
      continue;
    }
    const auto fixed = image->second.fixed(*corners, category.dump());
    if (!fixed) continue;
    if (*fixed != *corners) {
      const double width = (*fixed)[2] - (*fixed)[0], height = (*fixed)[3] - (*fixed)[1];
      annotation["bbox"] = {(*fixed)[0], (*fixed)[1], width, height};
      annotation["area"] = width * height;
    }
    kept.push_back(std::move(annotation));
  }
  file["annotations"] = std::move(kept);
  return file.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

BoxFixes write_fixed_boxes(const DataConfig& config, const fs::path& folder) {
  const AnnotationFiles annotations = annotation_files(config);
  std::error_code error;
  if (fs::equivalent(folder, config.root, error)) {
    fail<ConfigError>("--write-fixed: {} is the data set itself; name another folder",
                      shown(folder.string()));
  }
  BoxFixes fixes;
  for (const std::string& path : annotations.paths) {
    const bool is_inside = annotations.files->has_file(path);
    const std::vector<std::uint8_t> bytes = is_inside ? annotations.files->read(path, kMostBytes)
                                                      : read_listed(*annotations.files, path);
    const std::string text = fixed_file(config.name, bytes, shown(path), fixes);
    const fs::path target = folder / (is_inside ? fs::path(path) : fs::path(path).filename());
    fs::create_directories(target.parent_path(), error);
    if (error) fail<DataError>("--write-fixed {}: {}", shown(folder.string()), error.message());
    write_atomically(target, text);
    ++fixes.files;
  }
  return fixes;
}

}  // namespace tessera
