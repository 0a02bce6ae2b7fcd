#include "data/sets/coco_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

constexpr int kMaxDepth = 100;
constexpr std::int64_t kNoId = std::numeric_limits<std::int64_t>::min();

/// Of the entry that is being read; what it has not named yet is kNoId or empty.
struct Entry {
  std::int64_t id = kNoId, image_id = kNoId, category_id = kNoId;
  std::int64_t height = 0, width = 0;
  std::string file_name, name, supercategory;
  std::vector<double> bbox;
  double area = 0.0;
  bool crowd = false;
};

/// Depth 1 is the file's object, 2 a list of it, 3 an entry, 4 what is in the entry.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Reader(std::string_view name, CocoFile& file) : name_(name), file_(file) {}

  bool null() override { return true; }
  bool boolean(bool value) override {
    if (depth_ == 3 && key_ == "iscrowd") entry_.crowd = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value), value);
  }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    return number(static_cast<double>(value),
                  value <= kMost ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt);
  }
  bool number_float(number_float_t value, const string_t&) override {
    return number(value, std::nullopt);
  }
  bool string(string_t& value) override {
    if (depth_ != 3) return true;
    if (is_number_key()) damaged(fmt::format("{} is a text", key_));
    if (key_ == "file_name") entry_.file_name = std::move(value);
    if (key_ == "name") entry_.name = std::move(value);
    if (key_ == "supercategory") entry_.supercategory = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override {
    enter();
    if (depth_ == 3) entry_ = {};
    return true;
  }
  bool end_object() override {
    if (depth_ == 3) add_entry();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    enter();
    if (depth_ == 1) fail<DataError>("[coco] {}: is a list, not an object with images", name_);
    if (depth_ == 2) begin_list();
    return true;
  }
  bool end_array() override {
    if (depth_ == 2) list_ = List::kOther;
    --depth_;
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ == 1) section_ = value;
    if (depth_ == 3) key_ = value;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    const std::string what = error.what();
    const std::size_t from = what.find(": ");
    const std::string reason = from == std::string::npos ? what : what.substr(from + 2);
    fail<DataError>("[coco] {}: no JSON, at byte {}: {}", name_, position, shown(reason));
  }

  void finish() const {
    for (const auto& [seen, key] : {std::pair{seen_images_, "images"},
                                    {seen_annotations_, "annotations"},
                                    {seen_categories_, "categories"}}) {
      if (!seen) fail<DataError>("[coco] {}: has no list {}", name_, key);
    }
  }

 private:
  enum class List : std::uint8_t { kOther, kImages, kAnnotations, kCategories };

  void enter() {
    if (++depth_ > kMaxDepth) {
      fail<DataError>("[coco] {}: nested deeper than {} levels in {}", name_, kMaxDepth,
                      quoted(section_));
    }
  }

  void begin_list() {
    number_ = 0;
    if (section_ == "images") list_ = List::kImages, seen_images_ = true;
    if (section_ == "annotations") list_ = List::kAnnotations, seen_annotations_ = true;
    if (section_ == "categories") list_ = List::kCategories, seen_categories_ = true;
  }

  bool is_number_key() const {
    return list_ != List::kOther &&
           (key_ == "id" || key_ == "image_id" || key_ == "category_id" || key_ == "height" ||
            key_ == "width" || key_ == "bbox" || key_ == "area" || key_ == "iscrowd");
  }

  bool number(double value, std::optional<std::int64_t> whole) {
    if (list_ == List::kOther) return true;
    if (depth_ == 4 && key_ == "bbox") {
      if (entry_.bbox.size() == 4) damaged("bbox has more than 4 numbers");
      entry_.bbox.push_back(value);
    }
    if (depth_ != 3) return true;
    if (!whole && std::floor(value) == value && std::abs(value) < 9e15) {
      whole = static_cast<std::int64_t>(value);  // some write 3.0
    }
    const auto set = [&](const char* key, std::int64_t& to) {
      if (key_ != key) return;
      if (!whole) damaged(fmt::format("{} is {}, no whole number", key, value));
      to = *whole;
    };
    set("id", entry_.id);
    set("image_id", entry_.image_id);
    set("category_id", entry_.category_id);
    set("height", entry_.height);
    set("width", entry_.width);
    if (key_ == "area") entry_.area = value;
    if (key_ == "iscrowd") entry_.crowd = value != 0.0;
    return true;
  }

  [[noreturn]] void damaged(const std::string& what) const {
    fail<DataError>("[coco] {}: {}[{}]{}: {}", name_, shown(section_), number_,
                    entry_.id == kNoId ? "" : fmt::format(" (id {})", entry_.id), what);
  }

  void need(const char* key, bool is_there) const {
    if (!is_there) damaged(fmt::format("has no {}", key));
  }

  void add_entry() {
    switch (list_) {
      case List::kOther:
        return;
      case List::kImages:
        need("id", entry_.id != kNoId);
        need("file_name", !entry_.file_name.empty());
        file_.images.push_back(
            {entry_.id, std::move(entry_.file_name), entry_.height, entry_.width});
        break;
      case List::kAnnotations:
        need("image_id", entry_.image_id != kNoId);
        need("category_id", entry_.category_id != kNoId);
        if (entry_.bbox.size() != 4) damaged("has no bbox of 4 numbers");
        file_.annotations.push_back(
            {entry_.id == kNoId ? 0 : entry_.id,
             entry_.image_id,
             entry_.category_id,
             {entry_.bbox[0], entry_.bbox[1], entry_.bbox[2], entry_.bbox[3]},
             entry_.area,
             entry_.crowd});
        break;
      case List::kCategories:
        need("id", entry_.id != kNoId);
        need("name", !entry_.name.empty());
        file_.categories.push_back(
            {entry_.id, std::move(entry_.name), std::move(entry_.supercategory)});
        break;
    }
    ++number_;
  }

  std::string_view name_;
  CocoFile& file_;
  int depth_ = 0;
  std::string section_;
  std::string key_;
  List list_ = List::kOther;
  std::int64_t number_ = 0;
  Entry entry_;
  bool seen_images_ = false, seen_annotations_ = false, seen_categories_ = false;
};

}  // namespace

CocoFile parse_coco(std::span<const std::uint8_t> bytes, std::string_view name) {
  CocoFile file;
  Reader reader(name, file);
  nlohmann::json::sax_parse(bytes.begin(), bytes.end(), &reader);
  reader.finish();
  return file;
}

}  // namespace tessera
