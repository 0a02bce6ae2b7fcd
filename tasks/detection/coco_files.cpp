#include "tasks/detection/coco_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

using Json = nlohmann::json;

/// An object of a list, and how messages call it: `gt.json: annotations[17]`.
struct Entry {
  const Json& json;
  std::string place;

  const Json& at(const char* key) const {
    const auto found = json.find(key);
    if (found == json.end()) fail<DataError>("[coco] {}: has no {}", place, key);
    return *found;
  }
  std::int64_t integer(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number_integer()) {
      fail<DataError>("[coco] {}: {} is {}, not a whole number", place, key, shown(value));
    }
    return value.get<std::int64_t>();
  }
  double number(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number()) {
      fail<DataError>("[coco] {}: {} is {}, not a number", place, key, shown(value));
    }
    return value.get<double>();
  }
  BoxXywh box() const {
    const Json& value = at("bbox");
    const bool numbers = value.is_array() && value.size() == 4 &&
                         std::all_of(value.begin(), value.end(),
                                     [](const Json& number) { return number.is_number(); });
    if (!numbers) {
      fail<DataError>("[coco] {}: bbox is {}, not [x, y, width, height]", place, shown(value));
    }
    return {value[0], value[1], value[2], value[3]};
  }

 private:
  static std::string shown(const Json& value) {
    const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
  }
};

std::string reason_of(const Json::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

/// Parses a file, one object of a list at a time: `list` is its key, or empty where the file is the
/// list itself.
void for_each_entry(const std::filesystem::path& path,
                    const std::function<void(const std::string& list, const Entry&)>& use) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail<DataError>("[coco] {}: {}", path.string(), std::strerror(errno));
  bool keyed = false;
  std::string list;
  std::size_t index = 0;
  const auto on_event = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const int level = keyed ? 2 : 1;
    switch (event) {
      case Json::parse_event_t::object_start:
        if (depth == 0) keyed = true;
        return true;
      case Json::parse_event_t::key:
        if (depth == 1 && keyed) {
          list = parsed.get<std::string>();
          index = 0;
        }
        return parsed != "segmentation";  // the bulk of most files
      case Json::parse_event_t::object_end:
        if (depth == level) {
          use(list, {parsed, fmt::format("{}: {}[{}]", path.string(), list, index++)});
        }
        return depth != level;
      default:
        return true;
    }
  };
  try {
    [[maybe_unused]] const Json rest = Json::parse(stream, on_event);
  } catch (const Json::exception& error) {
    fail<DataError>("[coco] {}: {}", path.string(), reason_of(error));
  }
}

/// The place of `id` among ascending ids.
template <typename Ids, typename Id = std::identity>
std::size_t place_of(const Ids& ids, std::int64_t id, const Entry& entry, const char* key,
                     const char* what, const Id& id_of = {}) {
  const auto found =
      std::lower_bound(ids.begin(), ids.end(), id,
                       [&](const auto& item, std::int64_t wanted) { return id_of(item) < wanted; });
  if (found == ids.end() || id_of(*found) != id) {
    fail<DataError>("[coco] {}: {} {} is none of the {} {} of the ground truth{}", entry.place, key,
                    id, ids.size(), what,
                    ids.empty() ? std::string()
                                : fmt::format(", {} to {}", id_of(ids.front()), id_of(ids.back())));
  }
  return static_cast<std::size_t>(found - ids.begin());
}

std::int32_t label_of(const CocoGroundTruth& truth, const Entry& entry) {
  return static_cast<std::int32_t>(
      place_of(truth.categories, entry.integer("category_id"), entry, "category_id", "categories",
               [](const CocoGroundTruth::Category& category) { return category.id; }));
}

std::size_t image_of(const CocoGroundTruth& truth, const Entry& entry) {
  return place_of(truth.images, entry.integer("image_id"), entry, "image_id", "images");
}

bool is_crowd(const Entry& entry) {
  const auto found = entry.json.find("iscrowd");
  return found != entry.json.end() && *found != 0 && *found != false;
}

template <typename Items, typename Id = std::identity>
void sort_ids(Items& items, const std::filesystem::path& path, const char* list,
              const Id& id_of = {}) {
  std::sort(items.begin(), items.end(),
            [&](const auto& a, const auto& b) { return id_of(a) < id_of(b); });
  const auto twice =
      std::adjacent_find(items.begin(), items.end(),
                         [&](const auto& a, const auto& b) { return id_of(a) == id_of(b); });
  if (twice != items.end()) {
    fail<DataError>("[coco] {}: {} with the id {} stand there twice", path.string(), list,
                    id_of(*twice));
  }
}

}  // namespace

CocoGroundTruth read_coco_ground_truth(const std::filesystem::path& path) {
  CocoGroundTruth truth;
  bool images = false, categories = false;
  // Annotations may stand before what they refer to.
  for_each_entry(path, [&](const std::string& list, const Entry& entry) {
    if (list == "images") truth.images.push_back(entry.integer("id")), images = true;
    if (list == "categories") {
      const Json& name = entry.at("name");
      truth.categories.push_back(
          {entry.integer("id"), name.is_string() ? name.get<std::string>() : name.dump()});
      categories = true;
    }
  });
  if (!images || !categories) {
    fail<DataError>(
        "[coco] {}: has no {}; a file of ground truth has images, annotations and "
        "categories",
        path.string(), images ? "categories" : "images");
  }
  sort_ids(truth.images, path, "images");
  sort_ids(truth.categories, path, "categories",
           [](const CocoGroundTruth::Category& category) { return category.id; });
  truth.truths.resize(truth.images.size());
  for_each_entry(path, [&](const std::string& list, const Entry& entry) {
    if (list != "annotations") return;
    CocoTruth one{entry.box(), label_of(truth, entry), 0.0, is_crowd(entry)};
    one.area = entry.json.contains("area") ? entry.number("area") : one.box.width * one.box.height;
    truth.truths[image_of(truth, entry)].push_back(one);
  });
  return truth;
}

std::vector<std::vector<CocoDetection>> read_coco_detections(const std::filesystem::path& path,
                                                             const CocoGroundTruth& truth) {
  std::vector<std::vector<CocoDetection>> detections(truth.images.size());
  for_each_entry(path, [&](const std::string& list, const Entry& entry) {
    if (!list.empty()) {
      fail<DataError>(
          "[coco] {}: detections are a list of {{image_id, category_id, bbox, score}}, "
          "this file has {:?}",
          path.string(), list);
    }
    detections[image_of(truth, entry)].push_back(
        {entry.box(), label_of(truth, entry), entry.number("score")});
  });
  return detections;
}

}  // namespace tessera
