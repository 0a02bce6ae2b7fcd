#include "data/sets/image_masks.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/sets/mask_rules.h"
#include "tests/data/dense_tree.h"
#include "tests/data/images/small_jpeg.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

/// 3 images to train on, 2 to validate and 1 to test, three classes.
void write_camvid(const std::filesystem::path& root) {
  int number = 0;
  for (const char* name : {"train/a", "train/b", "train/deep/c", "val/d", "val/e", "test/f"}) {
    write_picture(root / "images" / fmt::format("{}.png", name), ++number);
    Numbers mask = numbers_up_to(12, 16, 2);
    mask.values[5] = 255;
    write_mask(root / "labels" / fmt::format("{}.png", name), mask);
  }
  write_text(root / "classes.txt", "sky\nroad\r\n\ncar\n");
}

DataConfig masks_config(const std::filesystem::path& root) {
  return dense_config(DatasetName::kImageMasks, root);
}

/// One image and mask, whose values repeat from 0 to `most`, of classes a, b, ...
DataConfig one_mask(const TempFolder& root, const Numbers& mask, int classes,
                    bool with_palette = false) {
  write_picture(root / "images/a.png", 1);
  write_mask(root / "labels/a.png", mask, with_palette);
  DataConfig config = masks_config(root.path());
  for (int c = 0; c < classes; ++c)
    config.classes.push_back(std::string(1, static_cast<char>('a' + c)));
  return config;
}

TEST_CASE("image_masks: parts, classes, and masks that hold the numbers of classes") {
  const TempFolder root;
  write_camvid(root.path());
  const DataConfig config = masks_config(root.path());
  CHECK_FALSE(validates_on_test(config));
  CHECK(dataset_classes(config) == Names{"sky", "road", "car"});
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(train->target_kind() == TargetKind::kMask);
  CHECK(train->num_classes() == 3);
  CHECK(sample_names(*train) ==
        Names{"images/train/a.png", "images/train/b.png", "images/train/deep/c.png"});
  CHECK(sample_names(*open_dataset(config, Split::kVal)) ==
        Names{"images/val/d.png", "images/val/e.png"});
  CHECK(sample_names(*open_dataset(config, Split::kTest)) == Names{"images/test/f.png"});
  const Mask mask = train->target(1).mask;
  CHECK(mask.height == 12);
  CHECK(mask.width == 16);
  for (std::size_t i = 0; i < mask.classes.size(); ++i) {
    REQUIRE(int{mask.classes[i]} == (i == 5 ? 255 : static_cast<int>(i % 3)));
  }
  Image buffer;
  CHECK(train->read(1, buffer).shape == ImageShape{12, 16, 3});
  CHECK(contains(message_of<DataError>([&] { train->label(0); }), "a mask, not one class"));
  const std::uint64_t before = train->fingerprint();
  Numbers other = numbers_up_to(12, 16, 1);
  write_mask(root / "labels/train/a.png", other);
  CHECK(open_dataset(config, Split::kTrain)->fingerprint() != before);
}

TEST_CASE("image_masks: one folder of each, held out, in an archive with a folder around it") {
  const TempFolder root, archive;
  for (int i = 0; i < 10; ++i) {
    write_picture(root.path() / "set/imgs" / fmt::format("{}.png", i), i);
    write_mask(root.path() / "set/painted" / fmt::format("{}.png", i), numbers_up_to(12, 16, 1));
  }
  DataConfig config = masks_config(root.path());
  config.classes = {"no", "yes"};
  CHECK(contains(dense_error(config),
                 "holds no folder images, img_dir, JPEGImages; set data.images"));
  config.images = "imgs";
  CHECK(contains(dense_error(config), "set data.masks to the one it is"));
  config.masks = "painted";
  CHECK(contains(dense_error(config, Split::kVal), "data.val_split: 0.1 holds a share"));
  config.val_split = 0.3;
  const auto val = open_dataset(config, Split::kVal);
  CHECK(val->size() == 3);
  CHECK(open_dataset(config, Split::kTrain)->size() == 7);
  CHECK(validates_on_test(config));  // there is no test part
  write_tree_as_tar(archive / "set.tar", root.path());
  config.root = archive / "set.tar";
  CHECK(sample_names(*open_dataset(config, Split::kVal)) == sample_names(*val));
  CHECK(open_dataset(config, Split::kVal)->target(2).mask == val->target(2).mask);
  config.skip = root / "skip.txt";
  write_text(config.skip, "set/imgs/3.png\n");
  config.val_split = 0.0;
  CHECK(open_dataset(config, Split::kTrain)->size() == 9);
}

TEST_CASE("image_masks: lists of pairs and of names") {
  const TempFolder root;
  write_camvid(root.path());
  DataConfig config = masks_config(root.path());
  write_text(root / "names.txt", "train/b\nval/e\n");
  write_text(root / "pairs.csv", "image,mask\nimages/test/f.png,labels/train/a.png\n");
  config.train_list = "names.txt";
  config.val_list = root / "pairs.csv";
  CHECK(sample_names(*open_dataset(config, Split::kTrain)) ==
        Names{"images/train/b.png", "images/val/e.png"});
  CHECK(sample_names(*open_dataset(config, Split::kVal)) == Names{"images/test/f.png"});
  write_text(root / "names.txt", "train/b\ntrain/x\n");
  CHECK(contains(dense_error(config), "names.txt:2: there is no image of \"train/x\" below"));
  config.on_error = OnError::kSkip;
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(train->size() == 1);
  REQUIRE(train->take_warnings().size() == 1);
  CHECK(train->take_warnings().empty());
}

TEST_CASE("image_masks: palettes are indices, whatever colours they show") {
  const TempFolder root;
  Numbers mask = numbers_up_to(12, 16, 2);
  DataConfig config = one_mask(root, mask, 3, true);
  CHECK(open_dataset(config, Split::kTrain)->target(0).mask.classes[1] == 1);
  CHECK(open_dataset(config, Split::kTrain)->target(0).mask.classes[2] == 2);
  // With a table of colours they count, and 0 may be any class.
  config.colors = {"d1cac3", "#fbf4ed", "e6dfd8"};
  const Mask colored = open_dataset(config, Split::kTrain)->target(0).mask;
  CHECK(colored.classes[0] == 1);
  CHECK(colored.classes[1] == 2);
  CHECK(colored.classes[2] == 0);
}

TEST_CASE("image_masks: colours by their table, those after the classes are ignored") {
  const TempFolder root;
  DataConfig config = one_mask(root, numbers_up_to(12, 16, 1), 2);
  Image painted{{12, 16, 3}, std::vector<std::uint8_t>(12 * 16 * 3)};
  const auto paint = [&](std::size_t pixel, Rgb color) {
    std::copy(color.begin(), color.end(), painted.pixels.begin() + static_cast<long>(3 * pixel));
  };
  paint(1, {30, 144, 255});
  paint(2, {224, 224, 192});
  write_png(root / "labels/a.png", painted);
  CHECK(contains(dense_error(config),
                 "labels/a.png: pixel (1, 0) is the colour #1e90ff; data.colors says which"));
  config.colors = {"000000", "1E90FF"};
  CHECK(contains(dense_error(config),
                 "pixel (2, 0) is #e0e0c0, which is none of the 2 of data.colors"));
  config.colors.emplace_back("e0e0c0");
  const Mask mask = open_dataset(config, Split::kTrain)->target(0).mask;
  CHECK(mask.classes[0] == 0);
  CHECK(mask.classes[1] == 1);
  CHECK(mask.classes[2] == kIgnored);
  config.colors = {"000000"};
  CHECK(contains(message_of<ConfigError>([&] { open_dataset(config, Split::kTrain); }),
                 "colors: 1 of them for 2 classes"));
  config.colors = {"000000", "00000"};
  CHECK(contains(message_of<ConfigError>([&] { open_dataset(config, Split::kTrain); }),
                 "\"00000\" is no colour"));
  config.colors = {"000000", "#000000"};
  CHECK(contains(message_of<ConfigError>([&] { open_dataset(config, Split::kTrain); }),
                 "#000000 is there twice"));
}

TEST_CASE("image_masks: masks of black and white are refused with the way out") {
  const TempFolder root;
  Numbers mask = numbers_up_to(12, 16, 1);
  for (std::uint8_t& value : mask.values) value = value > 0 ? 255 : 0;
  DataConfig config = one_mask(root, mask, 2);
  CHECK(contains(dense_error(config), "set data.colors: [000000, ffffff]"));
  config.colors = {"000000", "ffffff"};
  const Mask read = open_dataset(config, Split::kTrain)->target(0).mask;
  CHECK(read.classes[0] == 0);
  CHECK(read.classes[1] == 1);
}

TEST_CASE("image_masks: values beyond the classes, and zeros that are none") {
  const TempFolder root;
  DataConfig config = one_mask(root, numbers_up_to(12, 16, 3), 3);
  CHECK(contains(dense_error(config),
                 "labels/a.png: pixel (3, 0) is 3, but the 3 classes are 0 to 2 and 255 is "
                 "ignored; if 0 stands for what is not a class, set data.reduce_zero_label: true"));
  config.reduce_zero_label = true;
  const Mask mask = open_dataset(config, Split::kTrain)->target(0).mask;
  CHECK(mask.classes[0] == kIgnored);
  CHECK(mask.classes[1] == 0);
  CHECK(mask.classes[3] == 2);
  config.classes.pop_back();
  CHECK(contains(dense_error(config), "pixel (3, 0) is 3, but the 2 classes are 1 to 2"));
}

TEST_CASE("image_masks: what does not fit is named") {
  const TempFolder root;
  write_camvid(root.path());
  DataConfig config = masks_config(root.path());
  std::filesystem::remove(root / "labels/train/b.png");
  CHECK(contains(dense_error(config), "images/train/b.png: there is no mask labels/train/b.png"));
  write_mask(root / "labels/train/b.png", numbers_up_to(12, 17, 1));
  CHECK(contains(dense_error(config),
                 "labels/train/b.png: 12 x 17 pixels, but its image "
                 "images/train/b.png has 12 x 16"));
  write_file(root / "labels/train/b.png", kJpeg);
  CHECK(contains(dense_error(config), "labels/train/b.png: is no PNG"));
  write_mask(root / "labels/train/x.png", numbers_up_to(12, 16, 1));
  const Names warnings = open_dataset(config, Split::kTrain)->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(contains(warnings[0], "labels/train: 1 mask has no image in images/train: "));
  CHECK(contains(warnings[0], "labels/train/x.png"));
  std::filesystem::remove(root / "classes.txt");
  CHECK(contains(dense_error(config), "name the classes in the order of their numbers"));
  config.classes.assign(256, "x");
  CHECK(contains(dense_error(config), "256 classes; a mask of 8 bits tells 255 apart"));
  config.classes = {"a", "b", "c"};
  config.val_split = 0.5;
  CHECK(contains(dense_error(config), "has validation images of its own"));
  config.val_split = 0.0;
  write_picture(root / "images/train/a.jpg", 3);
  CHECK(contains(dense_error(config), "have one name; which is meant?"));
}

TEST_CASE("image_masks: a photo is turned by its EXIF orientation, its mask is as stored") {
  const TempFolder root;
  Numbers upright = numbers_up_to(20, 10, 1);
  DataConfig config = one_mask(root, upright, 2);
  write_file(root / "images/a.png", png_with_orientation(red_rectangle(), 6));
  const auto dataset = open_dataset(config, Split::kTrain);
  Image buffer;
  CHECK(dataset->read(0, buffer).shape == ImageShape{20, 10, 3});
  CHECK(dataset->target(0).mask.height == 20);
  write_mask(root / "labels/a.png", numbers_up_to(10, 20, 1));
  CHECK(contains(dense_error(config),
                 "10 x 20 pixels, but its image images/a.png has 20 x 10, "
                 "turned by its EXIF orientation"));
}

}  // namespace
}  // namespace tessera
