#include "data/sets/image_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "data/open_dataset.h"
#include "data/transform.h"
#include "tests/data/image_tree.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

Names names_of(const Dataset& dataset) {
  Names names;
  for (std::int64_t i = 0; i < dataset.size(); ++i) names.push_back(dataset.sample_name(i));
  return names;
}

std::string error_of(const DataConfig& config, Split split = Split::kTrain) {
  return message_of<DataError>([&] { open_dataset(config, split); });
}

TEST_CASE("image folder: files of any depth, classes by name, images of any size") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "train/cat/notes.txt", "no image");
  write_text(root / "train/cat/._c0.png", "left by another system");
  write_text(root / "train/.cache/x.png", "hidden");
  const auto train = open_dataset(folder_config(root.path()), Split::kTrain);
  CHECK(names_of(*train) == Names{"train/cat/c0.png", "train/cat/c1.png", "train/cat/c2.png",
                                  "train/cat/c3.png", "train/dog/d0.png",
                                  "train/dog/deep/er/d1.PNG"});
  CHECK(train->class_names() == Names{"cat", "dog"});
  CHECK(train->image() == ImageShape{8, 8, 3});
  Image buffer;
  for (std::int64_t i = 0; i < train->size(); ++i) {
    CHECK(train->label(i) == (i < 4 ? 0 : 1));
    const ImageView image = train->read(i, buffer);
    CHECK(image.shape == (i == 4 ? ImageShape{20, 10, 3} : ImageShape{12, 16, 3}));
    CHECK(image.pixels[0] == 10 * i);
  }
  const auto val = open_dataset(folder_config(root.path()), Split::kVal);
  CHECK(names_of(*val) == Names{"val/cat/c.png", "val/dog/d.png", "val/dog/e.png"});
  CHECK(names_of(*open_dataset(folder_config(root.path()), Split::kTest)) == names_of(*val));
  write_picture(root / "test/dog/t.png", 9);
  CHECK(names_of(*open_dataset(folder_config(root.path()), Split::kTest)) ==
        Names{"test/dog/t.png"});
  CHECK(names_of(*open_dataset(folder_config(root.path()), Split::kVal)) == names_of(*val));
}

TEST_CASE("image folder: other names of val, one folder around everything, links") {
  const TempFolder root;
  write_pets(root / "flowers");
  fs::rename(root / "flowers/val", root / "flowers/valid");
  fs::create_directory_symlink(root / "flowers/train/dog", root / "flowers/valid/puppy");
  DataConfig config = folder_config(root.path());
  CHECK(open_dataset(config, Split::kTrain)->size() == 6);
  CHECK(contains(error_of(config, Split::kVal),
                 "flowers/valid/puppy/d0.png: its class puppy is none of the 2 of training"));
  config.classes = {"dog", "puppy", "cat"};
  const auto val = open_dataset(config, Split::kVal);
  CHECK(val->size() == 5);
  CHECK(val->label(0) == 2);
  fs::create_directory_symlink(root / "flowers/valid", root / "flowers/valid/dog/again");
  CHECK(contains(error_of(config, Split::kVal), ": is a link to a folder that holds it"));
}

TEST_CASE("image folder: names that are numbers are sorted by value") {
  const TempFolder root;
  for (const char* name : {"10", "9", "2"}) {
    write_picture(root.path() / "train" / name / "a.png", 1);
  }
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"2", "9", "10"});
  write_picture(root / "train/x/a.png", 1);
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"10", "2", "9", "x"});
}

TEST_CASE("image folder: val_split holds out a share of each class, drawn from its seed alone") {
  const TempFolder root;
  for (int i = 0; i < 20; ++i) {
    if (i < 10) write_picture(root.path() / "rose" / fmt::format("{}.png", i), i);
    write_picture(root.path() / "tulip" / fmt::format("{}.png", i), i);
  }
  DataConfig config = folder_config(root.path());
  CHECK(contains(error_of(config, Split::kVal), "data.val_split: 0.1 holds a share"));
  config.val_split = 0.2;
  const auto split = [&] {
    const Names train = names_of(*open_dataset(config, Split::kTrain));
    const Names val = names_of(*open_dataset(config, Split::kVal));
    CHECK(names_of(*open_dataset(config, Split::kTest)) == val);
    std::set<std::string> both(train.begin(), train.end());
    both.insert(val.begin(), val.end());
    CHECK(both.size() == 30);
    CHECK(train.size() == 24);
    CHECK(std::count_if(val.begin(), val.end(),
                        [](const auto& name) { return name.starts_with("rose/"); }) == 2);
    return val;
  };
  const Names first = split();
  CHECK(split() == first);
  config.split_seed = 1;
  CHECK(split() != first);
  CHECK(validates_on_test(config));  // there is no other test split
  config.val_split = 0.0;
  config.folds = 3;
  std::set<std::string> held;
  for (config.fold = 0; config.fold < 3; ++config.fold) {
    const Names fold = names_of(*open_dataset(config, Split::kVal));
    CHECK(fold.size() == 10);
    held.insert(fold.begin(), fold.end());
  }
  CHECK(held.size() == 30);
  config.fold = 0;
  write_pets(root / "elsewhere");
  config.root = root / "elsewhere";
  CHECK(contains(error_of(config), "elsewhere has val: use one of them"));
}

TEST_CASE("image folder: the first so many samples are spread over the classes") {
  const TempFolder root;
  write_pets(root.path());
  DataConfig config = folder_config(root.path());
  config.train_samples = 3;
  CHECK(names_of(*open_dataset(config, Split::kTrain)) ==
        Names{"train/cat/c0.png", "train/cat/c1.png", "train/dog/d0.png"});
  config.train_samples = 7;
  CHECK(contains(error_of(config), "7 samples asked for, the data set has 6"));
}

TEST_CASE("image folder: what is listed in data.skip is left out") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "skip.txt", "# broken\ntrain/cat/c1.png\r\n\nval/dog/d.png");
  DataConfig config = folder_config(root.path());
  config.skip = root / "skip.txt";
  CHECK(open_dataset(config, Split::kTrain)->size() == 5);
  CHECK(open_dataset(config, Split::kVal)->size() == 2);
  config.skip = root / "none.txt";
  CHECK(contains(error_of(config), "none.txt: No such file"));
}

TEST_CASE("image folder: lists say which files and of what class") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "train.csv",
             "path,label\ntrain/dog/d0.png,hound\ntrain/cat/c1.png,tiger\n"
             "train/cat/c0.png,tiger\n");
  write_text(root / "val.csv", "val/cat/c.png,tiger\n");
  DataConfig config = folder_config(root.path());
  config.train_list = "train.csv";     // below the root
  config.val_list = root / "val.csv";  // a file of its own
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(train->class_names() == Names{"hound", "tiger"});
  CHECK(names_of(*train) == Names{"train/dog/d0.png", "train/cat/c1.png", "train/cat/c0.png"});
  CHECK(train->label(0) == 0);
  CHECK(train->label(2) == 1);
  CHECK(names_of(*open_dataset(config, Split::kVal)) == Names{"val/cat/c.png"});
  CHECK(names_of(*open_dataset(config, Split::kTest)) == Names{"val/cat/c.png"});
  config.test_list = "train.csv";
  CHECK(open_dataset(config, Split::kTest)->size() == 3);
  write_text(root / "val.csv", "val/cat/c.png,lion\n");
  CHECK(contains(error_of(config, Split::kVal),
                 "val/cat/c.png: its class lion is none of the 2 of training"));
  write_text(root / "val.csv", "val/cat/gone.png,tiger\n");
  CHECK(contains(error_of(config, Split::kVal), "val.csv: there is no val/cat/gone.png below"));
  config.on_error = OnError::kSkip;
  CHECK(error_of(config, Split::kVal) == "nothing thrown");
  config.val_list = "";
  config.val_split = 0.3;
  CHECK(contains(error_of(config), "use one of them"));
  std::filesystem::remove_all(root / "val");
  // hound has but one image, which stays.
  CHECK(open_dataset(config, Split::kTrain)->size() == 2);
  CHECK(open_dataset(config, Split::kVal)->label(0) == 1);
  write_text(root / "train.csv", "train/dog/d0.png,hound\ntrain/cat/c1.png,tiger\n");
  CHECK(contains(error_of(config), "data.val_split 0.3 leaves no validation"));
}

TEST_CASE("image folder: the layout of Tiny ImageNet") {
  const TempFolder root;
  for (const char* name : {"n02", "n01"}) {
    write_picture(root.path() / "train" / name / "images" / fmt::format("{}_0.JPEG", name), 1);
    write_text(root.path() / "train" / name / fmt::format("{}_boxes.txt", name), "n02_0.JPEG\t0");
  }
  write_picture(root / "val/images/val_0.JPEG", 2);
  write_picture(root / "val/images/val_1.JPEG", 3);
  write_text(root / "val/val_annotations.txt",
             "val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t52\t55\t57\t59\n");
  write_picture(root / "test/images/test_0.JPEG", 4);
  const DataConfig config = folder_config(root.path());
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(train->class_names() == Names{"n01", "n02"});
  CHECK(train->size() == 2);
  for (const Split split : {Split::kVal, Split::kTest}) {
    const auto val = open_dataset(config, split);
    CHECK(names_of(*val) == Names{"val/images/val_0.JPEG", "val/images/val_1.JPEG"});
    CHECK(val->label(0) == 1);
    CHECK(val->label(1) == 0);
  }
}

TEST_CASE("image folder: the fingerprint follows names, sizes and labels") {
  const TempFolder root;
  write_pets(root.path());
  DataConfig config = folder_config(root.path());
  const auto fingerprint = [&] { return open_dataset(config, Split::kTrain)->fingerprint(); };
  const std::uint64_t before = fingerprint();
  CHECK(fingerprint() == before);
  config.classes = {"dog", "cat"};
  CHECK(fingerprint() != before);
  config.classes = {};
  write_picture(root / "train/cat/c1.png", 1, 40, 41);
  CHECK(fingerprint() != before);
}

TEST_CASE("image folder: what is missing or does not fit is one clear line") {
  const TempFolder root;
  DataConfig config = folder_config(root / "nowhere");
  CHECK(contains(error_of(config), "nowhere: does not exist; set data.root"));
  config.root = "";
  CHECK(contains(error_of(config), "data.root is auto"));
  write_text(root / "file", "x");
  config.root = root / "file";
  CHECK(contains(error_of(config), "file: truncated: ends without"));
  config.root = root.string();
  CHECK(contains(error_of(config), "holds no folders of images, one a class"));
  write_pets(root.path());
  CHECK(error_of(config) == "nothing thrown");
  fs::create_directories(root / "train/empty");
  CHECK(contains(error_of(config), "train/empty: holds no image"));
  fs::remove_all(root / "train/empty");
  write_picture(root / "train/stray.png", 3);
  CHECK(contains(error_of(config), "train/stray.png: lies in no class folder"));
  fs::remove(root / "train/stray.png");
  for (const char* name : {"bad\nname", "bad\xff", "bad\xc0\x80", "bad\xed\xa0\x80"}) {
    write_picture(root.path() / "train" / name / "a.png", 1);
    CHECK(contains(error_of(config), "byte 4 is no UTF-8 or a control character"));
    fs::remove_all(root.path() / "train" / name);
  }
  write_picture(root / "train/Füße 象/a.png", 1);
  CHECK(error_of(config) == "nothing thrown");
}

TEST_CASE("image folder: a large JPEG is decoded as far as the model can tell") {
  const TempFolder root;
  fs::create_directories(root / "train/cat");
  fs::create_directories(root / "val/cat");
  const std::string jpeg = test::fixture("images/jpeg_large.jpg");  // 208 x 152
  fs::copy(jpeg, root / "train/cat/a.jpg");
  fs::copy(jpeg, root / "val/cat/a.jpg");
  DataConfig config = folder_config(root.path());
  config.image = {24, 24, 3};
  config.resize.test_crop = 0.75;  // 32 of the shorter side, so 64 are enough
  const auto image_of = [&](Split split) {
    Image buffer;
    const ImageView view = open_dataset(config, split)->read(0, buffer);
    return Image{view.shape, {view.pixels.begin(), view.pixels.end()}};
  };
  const Image shown = image_of(Split::kVal);
  config.augment.crop_area = {0.09, 1.0};  // 24 of 0.3 of a side
  const Image cropped = image_of(Split::kTrain);
  config.whole_images = true;
  const Image whole = image_of(Split::kVal);
  CHECK(whole.shape == ImageShape{208, 152, 3});
  CHECK(cropped.shape == whole.shape);
  CHECK(shown.shape == ImageShape{104, 76, 3});
  const Image a = fit(shown, config.image, config.resize);
  const Image b = fit(whole, config.image, config.resize);
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  CHECK(largest <= 4);
}

TEST_CASE("image folder: an image that cannot be read is named") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "train/cat/c2.png", "no image at all");
  const auto train = open_dataset(folder_config(root.path()), Split::kTrain);
  Image buffer;
  CHECK_NOTHROW(train->read(1, buffer));
  CHECK(contains(message_of<DataError>([&] { train->read(2, buffer); }), "train/cat/c2.png: "));
}

}  // namespace
}  // namespace tessera
