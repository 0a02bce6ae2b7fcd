#include "data/sets/coco.h"

#include <doctest/doctest.h>

#include "data/sets/coco_json.h"
#include "tests/data/dense_tree.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

CocoFile read_coco(const std::string& text) {
  return parse_coco({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "a.json");
}

std::string coco_error(const std::string& text) {
  return message_of<DataError>([&] { read_coco(text); });
}

/// A file with these lists.
std::string coco(const std::string& images, const std::string& annotations,
                 const std::string& categories) {
  return fmt::format(
      R"({{"info": {{"id": 3, "a": [[1], {{"id": 4}}]}}, "images": [{}], "annotations": [{}], )"
      R"("categories": [{}], "licenses": [{{"id": 1, "name": "free"}}]}})",
      images, annotations, categories);
}

constexpr const char* kImages =
    R"({"id": 7, "file_name": "a.png", "width": 20, "height": 10},
       {"id": 9007199254740993, "file_name": "b.png", "width": 20, "height": 10})";
// A parent that nothing is labelled with, a class without boxes, ids with gaps and out of order.
constexpr const char* kCategories =
    R"({"id": 90, "name": "box", "supercategory": "thing"}, {"id": 0, "name": "thing"},
       {"id": 3, "name": "rare", "supercategory": "thing"})";

std::string annotation_of(std::int64_t image, std::int64_t category, const std::string& bbox,
                          const std::string& more = "") {
  return fmt::format(
      R"({{"id": 5, "image_id": {}, "category_id": {}, "bbox": {}, "segmentation": [[1, 2, 3]]{}}})",
      image, category, bbox, more);
}

TEST_CASE("coco_json: entries, large ids, and what detection does not need") {
  const CocoFile file = read_coco(
      coco(kImages,
           annotation_of(7, 90, "[1.5, 2, 3, 4]", R"(, "iscrowd": 1, "area": 11.5)") + "," +
               annotation_of(9007199254740993, 90, "[0, 0, 1, 1]",
                             R"(, "segmentation": {"counts": "x"})"),
           kCategories));
  REQUIRE(file.images.size() == 2);
  CHECK(file.images[1].id == 9007199254740993);
  CHECK(file.images[0].width == 20);
  REQUIRE(file.annotations.size() == 2);
  CHECK(file.annotations[0].bbox == std::array<double, 4>{1.5, 2, 3, 4});
  CHECK(file.annotations[0].area == 11.5);
  CHECK(file.annotations[0].crowd);
  CHECK_FALSE(file.annotations[1].crowd);
  REQUIRE(file.categories.size() == 3);
  CHECK(file.categories[0].supercategory == "thing");
}

TEST_CASE("coco_json: hostile files are one error that names the place") {
  CHECK(contains(coco_error(""), "[coco] a.json: no JSON, at byte 1"));
  CHECK(contains(coco_error("[]"), "is a list, not an object with images"));
  CHECK(contains(coco_error(R"({"images": []})"), "has no list annotations"));
  CHECK(contains(coco_error(R"({"images": [{"id": 1}]})"), "images[0] (id 1): has no file_name"));
  CHECK(contains(coco_error(R"({"images": [{"id": "1"}]})"), "images[0]: id is a text"));
  CHECK(contains(coco_error(R"({"images": [{"id": 1.5}]})"), "id is 1.5, no whole number"));
  CHECK(contains(coco_error(R"({"images": [{"id": 1e300}]})"), "no whole number"));
  CHECK(contains(coco_error(R"({"images": [{"id": 18446744073709551615}]})"), "no whole number"));
  CHECK(contains(
      coco_error(R"({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [1,2,3]}]})"),
      "annotations[0]: has no bbox of 4 numbers"));
  CHECK(contains(coco_error(R"({"annotations": [{"bbox": [1,2,3,4,5]}]})"), "more than 4 numbers"));
  CHECK(contains(coco_error(R"({"annotations": [{"bbox": [1,2,NaN]}]})"), "no JSON, at byte"));
  CHECK(contains(coco_error(R"({"annotations": [{"bbox": [1,2,1e999]}]})"), "no JSON, at byte"));
  CHECK(contains(coco_error(R"({"images": )" + std::string(200000, '[')),
                 "nested deeper than 100 levels in \"images\""));
  CHECK(contains(coco_error(R"({"images": )" + std::string(1 << 20, 'x')), "no JSON, at byte"));
  CHECK(coco_error(R"({"images": )" + std::string(1 << 20, 'x')).size() < 300);
}

/// a.png has the red rectangle, b.png none; val.png stands in val with other ids.
DataConfig write_coco(const TempFolder& root, const std::string& annotations) {
  std::filesystem::create_directories(root / "images");
  for (const char* name : {"a", "b", "val"}) {
    write_png(root.path() / "images" / fmt::format("{}.png", name), red_rectangle());
  }
  write_text(root / "annotations/instances_train.json", coco(kImages, annotations, kCategories));
  write_text(root / "annotations/instances_val.json",
             coco(R"({"id": 1, "file_name": "val.png"})", annotation_of(1, 2, "[3, 2, 10, 4]"),
                  R"({"id": 2, "name": "box"}, {"id": 1, "name": "rare"})"));
  return dense_config(DatasetName::kCoco, root.path());
}

TEST_CASE("coco: classes by rising id without unused parents, other splits by name") {
  const TempFolder root;
  const DataConfig config = write_coco(root, annotation_of(7, 90, "[3, 2, 10, 4]"));
  CHECK(dataset_classes(config) == Names{"rare", "box"});
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(sample_names(*train) == Names{"images/a.png", "images/b.png"});
  Image buffer;
  Box expected = hull_of_red(train->read(0, buffer));
  expected.label = 1;
  CHECK(train->target(0).boxes == std::vector<Box>{expected});
  CHECK(train->target(1).boxes.empty());  // an image without boxes is an image
  const auto val = open_dataset(config, Split::kVal);
  CHECK(val->class_names() == Names{"rare", "box"});
  CHECK(val->target(0).boxes == std::vector<Box>{expected});
  CHECK(sample_names(*open_dataset(config, Split::kTest)) == sample_names(*val));
  CHECK(validates_on_test(config));
}

TEST_CASE("coco: crowds, areas of their own, boxes that are left out") {
  const TempFolder root;
  const DataConfig config =
      write_coco(root, annotation_of(7, 90, "[3, 2, 10, 4]", R"(, "area": 33)") + "," +
                           annotation_of(7, 3, "[0, 0, 20, 10]", R"(, "iscrowd": 1)") + "," +
                           annotation_of(7, 90, "[5, 5, 0, 3]") + "," +
                           annotation_of(7, 90, "[15, 2, 10, 4]"));
  const auto train = open_dataset(config, Split::kTrain);
  const std::vector<Box> boxes = train->target(0).boxes;
  REQUIRE(boxes.size() == 3);
  CHECK(boxes[0].area == 33.0f);
  CHECK(boxes[1].crowd);
  CHECK(boxes[1].label == 0);
  CHECK(boxes[2] == Box{15, 2, 20, 6, 1, false, 20});
  const Names warnings = train->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(contains(warnings[0],
                 "instances_train.json: annotations[2] (id 5): box 5, 5 to 5, 8 has "
                 "no area; left out"));
}

TEST_CASE("coco: what does not fit is named") {
  const auto error = [](const std::string& annotations) {
    const TempFolder root;
    return dense_error(write_coco(root, annotations));
  };
  CHECK(contains(error(annotation_of(8, 90, "[1, 1, 1, 1]")),
                 "annotations[0] (id 5): there is no image 8"));
  CHECK(contains(error(annotation_of(7, 4, "[1, 1, 1, 1]")), "there is no category 4"));
  CHECK(contains(error(annotation_of(7, 90, "[9, 9, -3, 1]")), "corners swapped"));
  CHECK(contains(error(annotation_of(7, 90, "[1, 1, 1e30, 1]")), "lies far outside"));
  const TempFolder root;
  DataConfig config = write_coco(root, annotation_of(7, 90, "[3, 2, 10, 4]"));
  config.classes = {"rare"};
  CHECK(contains(dense_error(config), "\"box\" is none of the 1 classes rare"));
  config.classes = {};
  write_text(root / "annotations/instances_val.json",
             coco(R"({"id": 1, "file_name": "val.png"})", annotation_of(1, 2, "[3, 2, 10, 4]"),
                  R"({"id": 2, "name": "dog"})"));
  CHECK(contains(dense_error(config, Split::kVal), "\"dog\" is none of the 2 classes rare, box"));
  std::filesystem::remove(root / "images/b.png");
  CHECK(contains(dense_error(config), "images/b.png (id 9007199254740993)"));
  config.images = "elsewhere";
  std::filesystem::remove(root / "images/a.png");
  CHECK(contains(dense_error(config), "its first image \"a.png\" is nowhere below"));
  std::filesystem::remove_all(root / "annotations");
  CHECK(contains(dense_error(config), "set data.train_list to the JSON file of training"));
}

TEST_CASE("coco: the layout of an export, files beside their images") {
  const TempFolder root;
  for (const char* part : {"train", "valid"}) {
    std::filesystem::create_directories(root / part);
    write_png(root.path() / part / "a.png", red_rectangle());
    write_text(root.path() / part / "_annotations.coco.json",
               coco(R"({"id": 0, "file_name": "a.png"})", annotation_of(0, 1, "[3, 2, 10, 4]"),
                    R"({"id": 0, "name": "cells", "supercategory": "none"},
                       {"id": 1, "name": "RBC", "supercategory": "cells"})"));
  }
  const DataConfig config = dense_config(DatasetName::kCoco, root.path());
  CHECK(dataset_classes(config) == Names{"RBC"});
  CHECK(sample_names(*open_dataset(config, Split::kVal)) == Names{"valid/a.png"});
  CHECK(open_dataset(config, Split::kVal)->target(0).boxes.size() == 1);
}

}  // namespace
}  // namespace tessera
