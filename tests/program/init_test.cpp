#include <algorithm>

#include "tests/data/dense_tree.h"
#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::has;
using test::Outcome;
using test::read_text;
using testing::write_picture;

class Init {
 public:
  fs::path operator/(const std::string& name) const { return folder_ / name; }

  /// The configuration that `init` writes for the folder `images`, which then trains as it is.
  std::string trained(const std::vector<std::string>& options = {}) const {
    const std::string config = folder_ / "images.yaml";
    std::vector<std::string> arguments = {"init", folder_ / "images", "--out", config};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome made = test::tessera(arguments);
    INFO(made.out, made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("tessera train " + config) != std::string::npos);
    const Outcome trained =
        test::tessera({"train", config, "--out", folder_ / "run", "--set", "train.max_steps=1"});
    INFO(read_text(config), trained.err);
    REQUIRE(trained.code == 0);
    return read_text(config);
  }

 private:
  test::ScratchFolder folder_;
};

TEST_CASE("init: photos in class folders") {
  const Init init;
  for (int i = 0; i < 12; ++i) {
    write_picture(init / (i % 2 == 0 ? "images/cat" : "images/dog") / fmt::format("{}.png", i), i,
                  120, 160);
  }
  const std::string text = init.trained();
  CHECK(has(text, "image_size: 128"));
  CHECK(has(text, "val_split: 0.2"));
  CHECK(has(text, "crop_area"));
  CHECK(!has(text, "in_channels"));
}

TEST_CASE("init: splits of their own; only test; grey and tiny images") {
  const Init init;
  for (const char* split : {"Train", "Test"}) {
    for (int i = 0; i < 8; ++i) {
      Image image{{28, 28, 1}, std::vector<std::uint8_t>(28 * 28, static_cast<std::uint8_t>(i))};
      const fs::path path =
          init / "images" / split / fmt::format("{}", i % 4) / fmt::format("{}.png", i);
      fs::create_directories(path.parent_path());
      write_png(path, image);
    }
  }
  const std::string text = init.trained();
  CHECK(has(text, "image_size: 28"));
  CHECK(has(text, "in_channels: 1"));
  CHECK(has(text, "window_size: 7"));
  CHECK(has(text, "flip: false"));
  CHECK(has(text, "val_split: 0.2"));  // the test images are for the end
}

TEST_CASE("init: one image a class") {
  const Init init;
  for (int i = 0; i < 3; ++i) {
    write_picture(init / fmt::format("images/c{}/a.png", i), i, 60, 60);
  }
  const std::string text = init.trained();
  CHECK(has(text, "val_list: "));
  CHECK(read_text(init / "images_images.csv") ==
        "path,label\nc0/a.png,c0\nc1/a.png,c1\nc2/a.png,c2\n");
}

TEST_CASE("init: a list of images and classes, and one that cannot be read") {
  const Init init;
  std::string list = "filename;breed\n";
  for (int i = 0; i < 10; ++i) {
    write_picture(init / fmt::format("images/all/{}.png", i), i, 40, 50);
    list += fmt::format("all/{}.png;{}\n", i, i < 5 ? "cat" : "dog");
  }
  test::write_text(init / "images/labels.csv", list);
  test::write_text(init / "images/all/3.png", "no image");
  const std::string text = init.trained();
  CHECK(has(text, "train_list: 'labels.csv'"));
  CHECK(has(text, "on_error: skip"));
}

TEST_CASE("init: unbalanced classes") {
  const Init init;
  for (int i = 0; i < 14; ++i) {
    write_picture(init / (i < 12 ? "images/many" : "images/few") / fmt::format("{}.png", i), i, 60,
                  60);
  }
  const std::string text = init.trained();
  CHECK(has(text, "sampler: repeat"));
  CHECK(has(text, "best_by: balanced_accuracy"));
}

TEST_CASE("init: photos of many pixels, below a folder more, in splits of other names") {
  const Init init;
  for (const char* split : {"training", "validation"}) {
    for (int i = 0; i < 6; ++i) {
      write_picture(init / "images/set" / split / "photos" / (i % 2 == 0 ? "cat" : "dog") /
                        fmt::format("{}.png", i),
                    i, 1500, 2000);
    }
  }
  const std::string text = init.trained();
  CHECK(has(text, "cache: ram"));
  CHECK(!has(text, "val_split"));
}

TEST_CASE("init: masks painted in black and white, which no file names") {
  const Init init;
  for (int i = 0; i < 6; ++i) {
    write_picture(init / fmt::format("images/images/{}.png", i), i, 48, 64);
    testing::Numbers mask{48, 64, std::vector<std::uint8_t>(48 * 64, 0)};
    for (std::size_t at = 0; at < 500; ++at) mask.values[at + 100] = 255;
    testing::write_mask(init / fmt::format("images/masks/{}.png", i), mask);
  }
  const std::string text = init.trained();
  CHECK(has(text, "name: segmentation"));
  CHECK(has(text, "colors: ['000000', 'ffffff']"));
  CHECK(has(text, "classes: ['background', 'object']"));
  CHECK(has(text, "image_size: [48, 64]"));
}

TEST_CASE("init: masks of numbers") {
  const Init init;
  for (int i = 0; i < 6; ++i) {
    write_picture(init / fmt::format("images/images/{}.png", i), i, 40, 40);
    testing::write_mask(init / fmt::format("images/labels/{}.png", i),
                        testing::numbers_up_to(40, 40, 2));
  }
  const std::string text = init.trained();
  CHECK(has(text, "classes: ['class_0', 'class_1', 'class_2']"));
  CHECK(!has(text, "colors:"));
  CHECK(!has(text, "class_weights"));
}

TEST_CASE("init: boxes") {
  const Init init;
  for (int i = 0; i < 6; ++i) {
    write_picture(init / fmt::format("images/JPEGImages/{}.png", i), i, 60, 80);
    testing::write_text(
        init / fmt::format("images/Annotations/{}.xml", i),
        fmt::format("<annotation><filename>{}.png</filename><size><width>80</width><height>60"
                    "</height><depth>3</depth></size><object><name>cell</name><bndbox><xmin>5"
                    "</xmin><ymin>5</ymin><xmax>14</xmax><ymax>14</ymax></bndbox></object>"
                    "</annotation>",
                    i));
  }
  const std::string text = init.trained();
  CHECK(has(text, "name: detection"));
  CHECK(has(text, "levels: [4, 8, 16]"));
  CHECK(has(text, "image_size: [64, 80]"));
}

TEST_CASE("init: what cannot be meant") {
  const Init init;
  const auto check = [&](const std::vector<std::string>& arguments, int code, const char* part) {
    const Outcome outcome = test::tessera(arguments);
    CHECK(outcome.code == code);
    CHECK(outcome.has_one_line());
    INFO(outcome.err);
    CHECK(has(outcome.err, part));
  };
  write_picture(init / "flat/a.png", 1);
  const std::string out = init / "x.yaml";
  check({"init", init / "flat", "--out", out}, 1, "nothing that says what they show");
  check({"init", init / "none", "--out", out}, 1, "does not exist");
  fs::create_directories(init / "empty");
  check({"init", init / "empty", "--out", out}, 1, "holds no image that is read");
  CHECK(!fs::exists(out));
  test::write_text(out, "");
  check({"init", init / "flat", "--out", out}, 2, "is there already");
  check({"train", init / "flat"}, 2, "tessera init");
}

}  // namespace
}  // namespace tessera
