#include "data/sets/voc.h"

#include <doctest/doctest.h>

#include "tests/data/dense_tree.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

std::string object(const std::string& name, const std::string& corners,
                   const std::string& more = "") {
  std::string text = "<object><name>" + name + "</name>" + more + "<bndbox>";
  std::size_t at = 0;
  for (const char* key : {"xmin", "ymin", "xmax", "ymax"}) {
    const std::size_t end = std::min(corners.find(' ', at), corners.size());
    text += fmt::format("<{0}>{1}</{0}>", key, corners.substr(at, end - at));
    at = end + 1;
  }
  return text + "</bndbox></object>";
}

std::string annotation(const std::string& objects, int width = 20, int height = 10) {
  return fmt::format(
      "<annotation><filename>wrong.jpg</filename><size><width>{}</width><height>{}</height>"
      "<depth>3</depth></size>{}</annotation>",
      width, height, objects);
}

VocAnnotation parse_voc(const std::string& text, BoxWarnings& warnings) {
  return parse_voc({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "a.xml",
                   warnings);
}

std::string voc_error(const std::string& text) {
  BoxWarnings warnings;
  return message_of<DataError>([&] { parse_voc(text, warnings); });
}

TEST_CASE("voc: corners are counted from 1 and belong to the box") {
  BoxWarnings warnings;
  const VocAnnotation read =
      parse_voc(annotation(object("dog", "1 1 20 10") +
                           object("cat", "4 3 13 6", "<difficult>1</difficult>") +
                           object("cat", "2.5 3.5 4\n 5")),
                warnings);
  CHECK(read.size.height == 10);
  REQUIRE(read.objects.size() == 3);
  CHECK(read.objects[0].name == "dog");
  CHECK(read.objects[0].box == Box{0, 0, 20, 10, 0, false, 200});
  CHECK(read.objects[1].box == Box{3, 2, 13, 6, 0, true, 40});
  CHECK(read.objects[2].box.x0 == 1.5f);
  CHECK(warnings.take().empty());
}

TEST_CASE("voc: boxes without area are named and left out, those beyond the border cut") {
  BoxWarnings warnings;
  const VocAnnotation read = parse_voc(
      annotation(object("a", "5 7 5 7") + object("b", "15 8 25 12") + object("c", "25 2 30 4")),
      warnings);
  REQUIRE(read.objects.size() == 1);
  CHECK(read.objects[0].box == Box{14, 7, 20, 10, 0, false, 18});
  const Names messages = warnings.take();
  REQUIRE(messages.size() == 2);
  CHECK(contains(messages[0], "[voc] a.xml: object 1: box 5, 7 to 5, 7 has no area; left out"));
  CHECK(contains(messages[1], "object 3: box 24, 1 to 30, 4 lies outside of the image"));
}

TEST_CASE("voc: hostile files are one error that names the place") {
  CHECK(contains(voc_error(annotation(object("a", "9 2 3 4"))),
                 "a.xml: object 1: box 9, 2 to 3, 4 has its corners swapped"));
  CHECK(contains(voc_error(annotation(object("a", "1 1 nan 4"))), "is not finite"));
  CHECK(contains(voc_error(annotation(object("a", "1 1 1e300 4"))), "lies far outside"));
  CHECK(contains(voc_error(annotation(object("a", "1 1 9 x4"))), "ymax is \"x4\", no number"));
  CHECK(contains(voc_error(annotation("<object><bndbox/></object>")), "object 1: has no name"));
  CHECK(contains(voc_error(annotation("<object><name>a</name></object>")), "has no bndbox"));
  CHECK(contains(voc_error(annotation("<object><name>a</name><bndbox/></object>")), "has no xmin"));
  CHECK(contains(voc_error(annotation("", 2000000000, 1)), "size 1 x 2000000000 is none"));
  CHECK(contains(voc_error("<annotation><object>"), "a.xml: no XML: "));
  CHECK(contains(voc_error(""), "a.xml: no XML: "));
  CHECK(contains(voc_error("<html/>"), "holds no <annotation>"));
  // Nothing is expanded, and depth costs nothing but the text.
  std::string bomb = "<!DOCTYPE a [<!ENTITY x0 \"ha\">";
  for (int i = 1; i < 40; ++i) {
    bomb += fmt::format("<!ENTITY x{} \"&x{};&x{};\">", i, i - 1, i - 1);
  }
  CHECK(contains(voc_error(bomb + "]><annotation><object><name>&x39;</name></object></annotation>"),
                 "has no bndbox"));
  std::string deep = "<annotation>";
  for (int i = 0; i < 300000; ++i) deep += "<a>";
  CHECK(contains(voc_error(deep), "a.xml: no XML: "));
  for (int i = 0; i < 300000; ++i) deep += "</a>";
  CHECK(voc_error(deep + "</annotation>") == "nothing thrown");
}

/// Four images, of which each has the red rectangle.
void write_voc(const std::filesystem::path& root) {
  for (const char* name : {"a", "b", "c", "d"}) {
    std::filesystem::create_directories(root / "JPEGImages");
    write_png(root / "JPEGImages" / fmt::format("{}.png", name), red_rectangle());
    write_text(root / "Annotations" / fmt::format("{}.xml", name),
               annotation(object("box", "4 3 13 6") + object("all", "1 1 20 10")));
  }
  write_text(root / "ImageSets/Main/train.txt", "a\nb  1\n");
  write_text(root / "ImageSets/Main/val.txt", "c\n");
  write_text(root / "ImageSets/Main/test.txt", "d\r\n");
}

TEST_CASE("voc: parts by their lists, classes from training, boxes around what is seen") {
  const TempFolder root;
  write_voc(root.path());
  DataConfig config = dense_config(DatasetName::kVoc, root.path());
  CHECK_FALSE(validates_on_test(config));
  CHECK(dataset_classes(config) == Names{"all", "box"});
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(sample_names(*train) == Names{"JPEGImages/a.png", "JPEGImages/b.png"});
  CHECK(sample_names(*open_dataset(config, Split::kVal)) == Names{"JPEGImages/c.png"});
  CHECK(sample_names(*open_dataset(config, Split::kTest)) == Names{"JPEGImages/d.png"});
  Image buffer;
  Box expected = hull_of_red(train->read(0, buffer));
  expected.label = 1;
  REQUIRE(train->target(0).boxes.size() == 2);
  CHECK(train->target(0).boxes[0] == expected);
  // The whole tree again as an archive within a folder.
  const TempFolder archive;
  std::filesystem::create_directories(archive / "x/VOC");
  std::filesystem::copy(root.path(), archive / "x/VOC", std::filesystem::copy_options::recursive);
  write_tree_as_tar(archive / "voc.tar", archive / "x");
  config.root = archive / "voc.tar";
  CHECK(open_dataset(config, Split::kVal)->target(0).boxes == train->target(0).boxes);
  // Without lists, all is training.
  config.root = root.string();
  std::filesystem::remove_all(root / "ImageSets");
  CHECK(open_dataset(config, Split::kTrain)->size() == 4);
  config.folds = 4;
  config.fold = 2;
  CHECK(open_dataset(config, Split::kVal)->size() == 1);
  CHECK(open_dataset(config, Split::kTrain)->size() == 3);
}

TEST_CASE("voc: what does not fit is named") {
  const TempFolder root;
  write_voc(root.path());
  DataConfig config = dense_config(DatasetName::kVoc, root.path());
  config.classes = {"box"};
  CHECK(contains(dense_error(config), "Annotations/a.xml: \"all\" is none of the 1 classes box"));
  config.classes.clear();
  write_text(root / "Annotations/b.xml", annotation(object("box", "4 3 13 6"), 30, 40));
  CHECK(contains(dense_error(config),
                 "JPEGImages/b.png: has 10 x 20 pixels, but its annotation says 40 x 30"));
  write_text(root / "ImageSets/Main/train.txt", "a\na\n");
  CHECK(contains(dense_error(config), "\"a\" is listed twice"));
  write_text(root / "ImageSets/Main/train.txt", "e\n");
  CHECK(contains(dense_error(config), "Annotations/e.xml: there is no image of that name"));
  write_picture(root / "JPEGImages/e.png", 1);
  CHECK(contains(dense_error(config), "e.xml"));
  std::filesystem::remove_all(root / "Annotations");
  CHECK(contains(dense_error(config), "holds no folder Annotations"));
}

TEST_CASE("voc: boxes turn with a photo that EXIF turns, unless they were made on the turned one") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const TempFolder root;
    write_voc(root.path());
    write_text(root / "ImageSets/Main/train.txt", "a\n");
    write_file(root / "JPEGImages/a.png", png_with_orientation(red_rectangle(), orientation));
    const DataConfig config = dense_config(DatasetName::kVoc, root.path());
    const auto dataset = open_dataset(config, Split::kTrain);
    // The target first: the file is then read for its orientation.
    const Target target = dataset->target(0);
    Image buffer;
    const ImageView image = dataset->read(0, buffer);
    CHECK(image.shape.height == (orientation >= 5 ? 20 : 10));
    Box expected = hull_of_red(image);
    expected.label = 1;
    CHECK(target.boxes[0] == expected);
    CHECK(dataset->target(0).boxes == target.boxes);
    if (orientation < 5) continue;
    write_text(root / "Annotations/a.xml",
               annotation(object("box", fmt::format("{} {} {} {}", expected.x0 + 1, expected.y0 + 1,
                                                    expected.x1, expected.y1)),
                          10, 20));
    expected.label = 0;
    CHECK(open_dataset(config, Split::kTrain)->target(0).boxes == std::vector<Box>{expected});
  }
}

}  // namespace
}  // namespace tessera
