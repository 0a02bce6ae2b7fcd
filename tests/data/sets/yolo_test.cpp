#include "data/sets/yolo.h"

#include <doctest/doctest.h>

#include "data/sets/yolo_yaml.h"
#include "tests/data/dense_tree.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

std::vector<Box> parse_yolo(const std::string& text, BoxWarnings& warnings) {
  return parse_yolo_labels({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                           "a.txt", 2, warnings);
}

std::string yolo_error(const std::string& text) {
  BoxWarnings warnings;
  return message_of<DataError>([&] { parse_yolo(text, warnings); });
}

YoloYaml yaml_of(const std::string& text) {
  return parse_yolo_yaml({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                         "data.yaml");
}

std::string yaml_error(const std::string& text) {
  return message_of<DataError>([&] { yaml_of(text); });
}

TEST_CASE("yolo: middles and sides, outlines, rounding beyond the border, equal rows") {
  BoxWarnings warnings;
  const std::vector<Box> boxes = parse_yolo(
      "1 0.5 0.5 0.5 0.25\r\n\n0 0.25 0.5 0.75 0.25 0.5 1.005\n1 0.5 0.5 0.5 0.25\n"
      "0 0.5 0.5 0 0.5\n0 0.995 0.5 0.02 1",
      warnings);
  REQUIRE(boxes.size() == 3);
  CHECK(boxes[0] == Box{0.25f, 0.375f, 0.75f, 0.625f, 1, false, 0});
  CHECK(boxes[1] == Box{0.25f, 0.25f, 0.75f, 1.0f, 0, false, 0});
  CHECK(boxes[2].x1 == 1.0f);
  const Names messages = warnings.take();
  REQUIRE(messages.size() == 2);
  CHECK(contains(messages[0], "[yolo] a.txt:4: the same box once more; left out"));
  CHECK(contains(messages[1], "[yolo] a.txt:5: box 0.5, 0.25 to 0.5, 0.75 has no area"));
  CHECK(parse_yolo("", warnings).empty());
}

TEST_CASE("yolo: rows that do not fit name their line") {
  CHECK(contains(yolo_error("0 .5 .5 .5 .5\n2 .5 .5 .5 .5"), "a.txt:2: class 2 is none of 0 to 1"));
  CHECK(contains(yolo_error("0.5 .5 .5 .5 .5"), "class 0.5 is none of"));
  CHECK(contains(yolo_error("-1 .5 .5 .5 .5"), "class -1 is none of"));
  CHECK(contains(yolo_error("0 200 100 50 60"), "a.txt:1: 200 is not in 0 to 1"));
  CHECK(contains(yolo_error("0 nan .5 .5 .5"), "nan is not in 0 to 1"));
  CHECK(contains(yolo_error("0 .5 .5 .5"), "4 numbers; class, x, y"));
  CHECK(contains(yolo_error("0 .1 .1 .2 .2 .3"), "6 numbers"));
  CHECK(contains(yolo_error("dog .5 .5 .5 .5"), "\"dog\" is no number"));
}

TEST_CASE("yolo_yaml: names as a list or a map, paths one or many") {
  const YoloYaml yaml = yaml_of(
      "path: ../datasets/x  # root\ntrain: images/train\nval:\n  - a\n  - b.txt\ntest:\n"
      "names:\n  1: dog\n  0: \"cat: big\"\ndownload: |\n  import os\n  print('x')\n");
  CHECK(yaml.path == "../datasets/x");
  CHECK(yaml.train == Names{"images/train"});
  CHECK(yaml.val == Names{"a", "b.txt"});
  CHECK(yaml.test.empty());
  CHECK(yaml.names == Names{"cat: big", "dog"});
  CHECK(yaml_of("{train: a, names: [x, y], nc: 2}").names == Names{"x", "y"});
  CHECK(contains(yaml_error("train: a"), "data.yaml: has no names of classes"));
  CHECK(contains(yaml_error("names:\n  0: a\n  2: b\n"),
                 "data.yaml:3:3: names: \"2\" is none of 0 to 1"));
  CHECK(contains(yaml_error("names: []"), "a list of classes"));
  CHECK(contains(yaml_error("names: [[a]]"), "names: expected a text, got a list"));
  CHECK(contains(yaml_error("names: [a\n"), "[yolo] data.yaml:"));
  CHECK(contains(yaml_error("a: &x 1\nb: *x\nnames: [a]"), "anchors and aliases"));
  std::string nested = "1";
  for (int i = 0; i < 40; ++i) nested = "{a: " + nested + "}";
  CHECK(contains(yaml_error(nested), "[yolo] data.yaml:1:129: nested deeper than 32 levels"));
  CHECK(contains(yaml_error(std::string(100000, '[')), "[yolo] data.yaml:1:1: "));
}

/// Two images to train on, of which one has no file of labels; one to validate.
DataConfig write_yolo(const TempFolder& root, const std::string& yaml) {
  for (const char* name : {"train/a", "train/b", "val/c"}) {
    const auto path = root.path() / "images" / fmt::format("{}.png", name);
    std::filesystem::create_directories(path.parent_path());
    write_png(path, red_rectangle());
  }
  write_text(root / "labels/train/a.txt", "1 0.4 0.4 0.5 0.4\n");
  write_text(root / "labels/val/c.txt", "0 0.4 0.4 0.5 0.4\n");
  write_text(root / "data.yaml", yaml);
  return dense_config(DatasetName::kYolo, root.path());
}

TEST_CASE("yolo: images, labels and classes as data.yaml says, from wherever it was written") {
  for (const char* head : {"", "path: /home/someone/datasets/x\n", "path: .\n"}) {
    for (const char* up : {"", "../", "./"}) {
      CAPTURE(head);
      const TempFolder root;
      DataConfig config = write_yolo(
          root, fmt::format("{0}train: {1}images/train\nval: {1}images/val\nnames: [cat, dog]\n",
                            head, up));
      CHECK(dataset_classes(config) == Names{"cat", "dog"});
      const auto train = open_dataset(config, Split::kTrain);
      CHECK(sample_names(*train) == Names{"images/train/a.png", "images/train/b.png"});
      Image buffer;
      Box expected = hull_of_red(train->read(0, buffer));
      expected.label = 1;
      const std::vector<Box> boxes = train->target(0).boxes;
      REQUIRE(boxes.size() == 1);
      CHECK(boxes[0].x0 == doctest::Approx(expected.x0));
      CHECK(boxes[0].y1 == doctest::Approx(expected.y1));
      CHECK(boxes[0].area == doctest::Approx(40));
      CHECK(train->target(1).boxes.empty());
      const Names warnings = train->take_warnings();
      REQUIRE(warnings.size() == 1);
      CHECK(contains(warnings[0], "1 of 2 images have no file of labels"));
      config.root = root / "data.yaml";
      CHECK(open_dataset(config, Split::kVal)->target(0).boxes.front().label == 0);
      CHECK(validates_on_test(config));
    }
  }
}

TEST_CASE("yolo: lists of images, and archives") {
  const TempFolder root, archive;
  DataConfig config = write_yolo(root, "train: lists/train.txt\nnames: [cat, dog]\n");
  write_text(root / "lists/train.txt", "./images/val/c.png\nimages/train/a.png\n");
  config.val_split = 0.5;
  CHECK(open_dataset(config, Split::kTrain)->size() == 1);
  config.val_split = 0.0;
  CHECK(sample_names(*open_dataset(config, Split::kTrain)) ==
        Names{"images/val/c.png", "images/train/a.png"});
  write_tree_as_tar(archive / "x.tar", root.path());
  config.root = archive / "x.tar";
  CHECK(open_dataset(config, Split::kTrain)->target(1).boxes.size() == 1);
  config.root = root.string();
  write_text(root / "lists/train.txt", "images/none.png\n");
  CHECK(contains(dense_error(config), "lists/train.txt: there is no image images/none.png"));
}

TEST_CASE("yolo: what does not fit is named") {
  const TempFolder root;
  DataConfig config = write_yolo(root, "train: images/trainn\nnames: [cat, dog]\n");
  CHECK(contains(dense_error(config),
                 "data.yaml: train is \"images/trainn\", but there is no images/trainn below"));
  write_text(root / "data.yaml", "val: images/val\nnames: [cat]\n");
  CHECK(contains(dense_error(config), "data.yaml: has no train"));
  write_text(root / "data.yaml", "train: images/train\nnames: [cat]\n");
  CHECK(contains(dense_error(config), "labels/train/a.txt:1: class 1 is none of 0 to 0"));
  std::filesystem::remove_all(root / "labels");
  CHECK(contains(dense_error(config),
                 "none of its 2 images has labels; those of "
                 "images/train/a.png would be in labels/train/a.txt"));
  std::filesystem::remove(root / "data.yaml");
  CHECK(contains(dense_error(config), "holds no data.yaml"));
}

TEST_CASE("yolo: boxes are of the photo as it is shown") {
  const TempFolder root;
  const DataConfig config = write_yolo(root, "train: images/train\nnames: [cat, dog]\n");
  write_file(root / "images/train/a.png", png_with_orientation(red_rectangle(), 6));
  const auto train = open_dataset(config, Split::kTrain);
  const std::vector<Box> boxes = train->target(0).boxes;
  CHECK(boxes[0].x1 == doctest::Approx(0.65f * 10.0f));
  CHECK(boxes[0].y1 == doctest::Approx(0.6f * 20.0f));
}

}  // namespace
}  // namespace tessera
