#include "tasks/detection/coco_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>

#include "core/error.h"
#include "files/file.h"
#include "formats/json.h"

namespace tessera {
namespace {

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

constexpr int kMostDepth = 100;
constexpr std::size_t kMostParts = 1000;  // values in an entry

/// What of a file is kept in memory: an entry of a list at a time, and of that what is asked for.
class EntryFilter {
 public:
  EntryFilter(const std::filesystem::path& path,
              std::function<void(const std::string& list, const Entry&)> use)
      : path_(path), use_(std::move(use)) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMostDepth) {
      fail<DataError>("[coco] {}: nested deeper than {} levels", path_.string(), kMostDepth);
    }
    const int level = keyed_ ? 2 : 1;  // of entries
    if (depth > level && wanted_ && ++parts_ > kMostParts) {
      fail<DataError>("[coco] {}: {}[{}] holds more than {} values", path_.string(), list_, index_,
                      kMostParts);
    }
    switch (event) {
      case Json::parse_event_t::object_start:
        if (depth == 0) keyed_ = true;
        if (depth == level) parts_ = 0, wanted_ = false;
        return true;
      case Json::parse_event_t::key:
        return on_key(depth, level, parsed.get_ref<const std::string&>());
      case Json::parse_event_t::object_end:
        if (depth == level) {
          use_(list_, {parsed, fmt::format("{}: {}[{}]", path_.string(), list_, index_++)});
        }
        return depth != level;
      default:  // an entry that is no object says nothing
        return depth != level;
    }
  }

 private:
  bool on_key(int depth, int level, const std::string& key) {
    constexpr std::array<std::string_view, 8> kWanted{"id",   "image_id", "category_id", "bbox",
                                                      "area", "iscrowd",  "score",       "name"};
    if (depth == 1 && keyed_) {
      list_ = key;
      index_ = 0;
    }
    if (depth == level + 1) wanted_ = std::ranges::find(kWanted, key) != kWanted.end();
    return depth != level + 1 || wanted_;
  }

  const std::filesystem::path& path_;
  std::function<void(const std::string& list, const Entry&)> use_;
  bool keyed_ = false;   ///< lists stand under keys
  bool wanted_ = false;  ///< what comes now
  std::string list_;
  std::size_t index_ = 0;
  std::size_t parts_ = 0;  ///< of the entry so far
};

/// Parses a file, one object of a list at a time: `list` is its key, or empty where the file is the
/// list itself.
void for_each_entry(const std::filesystem::path& path,
                    const std::function<void(const std::string& list, const Entry&)>& use) {
  ::close(open_file(path));  // throws if it is no file: a pipe would be waited for
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail<DataError>("[coco] {}: {}", path.string(), std::strerror(errno));
  EntryFilter filter(path, use);
  try {
    [[maybe_unused]] const Json rest =
        Json::parse(stream, [&](int depth, Json::parse_event_t event, Json& parsed) {
          return filter(depth, event, parsed);
        });
  } catch (const Json::exception& error) {
    fail<DataError>("[coco] {}: {}", path.string(), reason_of(error));
  }
}

/// The place of a category among those of the truth; nullopt if it has none of that id.
std::optional<std::int32_t> known_label(const CocoGroundTruth& truth, std::int64_t id) {
  const auto found =
      std::ranges::lower_bound(truth.categories, id, {}, &CocoGroundTruth::Category::id);
  if (found == truth.categories.end() || found->id != id) return std::nullopt;
  return static_cast<std::int32_t>(found - truth.categories.begin());
}

std::int32_t label_of(const CocoGroundTruth& truth, const Entry& entry) {
  const std::int64_t id = entry.integer("category_id");
  const auto label = known_label(truth, id);
  if (!label) {
    fail<DataError>("[coco] {}: category_id {} is none of the {} categories", entry.place, id,
                    truth.categories.size());
  }
  return *label;
}

std::size_t image_of(const CocoGroundTruth& truth, const Entry& entry) {
  const std::int64_t id = entry.integer("image_id");
  const auto found = std::ranges::lower_bound(truth.images, id);
  if (found == truth.images.end() || *found != id) {
    fail<DataError>("[coco] {}: image_id {} is none of the {} images of the ground truth{}",
                    entry.place, id, truth.images.size(),
                    truth.images.empty()
                        ? std::string()
                        : fmt::format(", {} to {}", truth.images.front(), truth.images.back()));
  }
  return static_cast<std::size_t>(found - truth.images.begin());
}

bool is_crowd(const Entry& entry) {
  const auto found = entry.json.find("iscrowd");
  return found != entry.json.end() && *found != 0 && *found != false;
}

bool has_zero_id(const Entry& entry) {
  const auto found = entry.json.find("id");
  return found != entry.json.end() && *found == 0;
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
    CocoTruth one{entry.box(), label_of(truth, entry), 0.0, is_crowd(entry), has_zero_id(entry)};
    one.area = entry.json.contains("area") ? entry.number("area") : one.box.width * one.box.height;
    truth.truths[image_of(truth, entry)].push_back(one);
  });
  return truth;
}

CocoDetections read_coco_detections(const std::filesystem::path& path,
                                    const CocoGroundTruth& truth) {
  CocoDetections detections{.images = {truth.images.size(), std::vector<CocoDetection>{}}};
  for_each_entry(path, [&](const std::string& list, const Entry& entry) {
    if (!list.empty()) {
      fail<DataError>(
          "[coco] {}: detections are a list of {{image_id, category_id, bbox, score}}, "
          "this file has {:?}",
          path.string(), list);
    }
    std::vector<CocoDetection>& own = detections.images[image_of(truth, entry)];
    const BoxXywh box = entry.box();
    const double score = entry.number("score");
    if (const auto label = known_label(truth, entry.integer("category_id"))) {
      own.push_back({box, *label, score});
    } else {
      ++detections.left_out;
    }
  });
  return detections;
}

}  // namespace tessera
