// Folders as people lay them out: which are splits, which are classes, and what is told of the
// rest.
#include "data/sets/split_folders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "data/open_dataset.h"
#include "data/sets/image_folder.h"
#include "tests/data/image_tree.h"

namespace tessera {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

void write_classes(const fs::path& folder) {
  for (const char* name : {"a", "b"}) write_picture(folder / name / "x.png", name[0] - 'a');
}

SplitFolders splits_of(const TempFolder& root) {
  return find_split_folders(*open_files(root.string()));
}

bool tells(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return contains(line, part); });
}

TEST_CASE("split folders: by all their names, in letters of any case") {
  for (const auto& [train, val, test] : {std::array{"train", "val", "test"},
                                         {"Train", "Val", "Test"},
                                         {"TRAIN", "VALID", "TESTING"},
                                         {"training", "validation", "testing"},
                                         {"Training", "Validation", "test"}}) {
    const TempFolder root;
    for (const char* name : {train, val, test}) write_classes(root / name);
    const SplitFolders splits = splits_of(root);
    CHECK(splits.has_train);
    CHECK(splits.train == train);
    CHECK(splits.val == val);
    CHECK(splits.test == test);
    CHECK(image_folder_classes(folder_config(root.path())) == Names{"a", "b"});
  }
}

TEST_CASE("split folders: one folder around everything, one between a split and its classes") {
  const TempFolder root;
  write_classes(root / "flowers/Train/images");
  write_classes(root / "flowers/Test/images");
  fs::create_directories(root / "__MACOSX/flowers");
  const SplitFolders splits = splits_of(root);
  CHECK(splits.train == "flowers/Train/images");
  CHECK(splits.test == "flowers/Test/images");
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"a", "b"});
}

TEST_CASE("split folders: a class may be called images, and may be alone") {
  const TempFolder root;
  write_picture(root / "train/images/x.png", 1);
  CHECK(splits_of(root).train == "train");
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"images"});
  CHECK(tells(image_folder_findings(folder_config(root.path()), Split::kTrain).problems,
              "all images are of one class, \"images\": there is nothing to tell apart"));
  write_picture(root / "train/photos/deep/y.png", 1);
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"images", "photos"});
  CHECK(image_folder_findings(folder_config(root.path()), Split::kTrain).problems.empty());
}

TEST_CASE("split folders: two of one split, and testing without training, are refused") {
  const TempFolder root;
  write_classes(root / "train");
  write_classes(root / "Training");
  const auto error = [&] {
    return message_of<DataError>([&] { image_folder_classes(folder_config(root.path())); });
  };
  CHECK(contains(error(), "holds both \"Training\" and \"train\", which are the same split"));
  fs::remove_all(root / "Training");
  fs::rename(root / "train", root / "Test");
  write_classes(root / "val");
  CHECK(contains(error(), "holds \"Test\" but no train: call the folder"));
  write_text(root / "list.csv", "val/a/x.png,a\nTest/b/x.png,b\n");
  DataConfig config = folder_config(root.path());
  config.train_list = "list.csv";
  CHECK(image_folder_classes(config) == Names{"a", "b"});
}

TEST_CASE("split folders: a class with the name of a split is told of") {
  const TempFolder root;
  write_classes(root.path());
  write_picture(root / "test/x.png", 3);
  CHECK(image_folder_classes(folder_config(root.path())) == Names{"a", "b", "test"});
  CHECK(tells(image_folder_findings(folder_config(root.path()), Split::kTrain).problems,
              "1 folder with the name of a split is taken for a class: \"test\""));
}

TEST_CASE("findings: everything that is not read is counted and named, once") {
  const TempFolder root;
  write_pets(root.path());
  for (const char* name : {"a.tif", "b.GIF", "c.heic", "d.avif"}) {
    write_text(root.path() / "train/cat" / name, "x");
  }
  write_text(root / "train/cat/notes.txt", "x");
  write_text(root / "train/dog/.DS_Store", "x");
  write_text(root / "train/dog/@eaDir/d0.png/SYNOPHOTO_THUMB_S.jpg", "x");
  write_text(root / "train/@eaDir/x.png", "x");
  write_text(root / "extra/e.png", "x");
  write_text(root / "labels.csv", "x");
  fs::create_symlink("/no/such.png", root / "train/dog/gone.png");
  const DataConfig config = folder_config(root.path());
  const Findings findings = image_folder_findings(config, Split::kTrain);
  CHECK(
      findings.problems ==
      Names{fmt::format("[data] {}/train: 4 images are of formats that are not read; convert them "
                        "to PNG or JPEG: \"train/cat/a.tif\", \"train/cat/b.GIF\", "
                        "\"train/cat/c.heic\", ...",
                        root.string()),
            fmt::format("[data] {}/train: 1 link leads nowhere: \"train/dog/gone.png\"",
                        root.string())});
  CHECK(tells(findings.notes, "1 folder of no split, left out: \"extra\""));
  CHECK(tells(findings.notes, "without the name of an image, left out: \"labels.csv\""));
  CHECK(tells(findings.notes, "without the name of an image, left out: \"train/cat/notes.txt\""));
  CHECK(tells(findings.notes, "1 hidden entry, left out: \"train/dog/.DS_Store\""));
  CHECK(tells(findings.notes,
              "2 entries that storage systems left behind, left out: "
              "\"train/@eaDir\", \"train/dog/@eaDir\""));
  CHECK(image_folder_findings(config, Split::kVal).problems.empty());
  const auto train = open_dataset(config, Split::kTrain);
  CHECK(train->size() == 6);
  CHECK(train->class_names() == Names{"cat", "dog"});
  CHECK(train->take_warnings().size() == findings.problems.size() + findings.notes.size());
  CHECK(train->take_warnings().empty());
}

TEST_CASE("findings: a class of images that are not read is refused by that reason") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "train/cow/a.tif", "x");
  CHECK(contains(
      message_of<DataError>([&] { open_dataset(folder_config(root.path()), Split::kTrain); }),
      "train/cow: holds no image that is read (.jpg, .jpeg, .jpe, .jfif, .png, .webp, "
      ".bmp, .dib); convert those in it"));
}

TEST_CASE("image folder: JPEG, BMP and WebP by all their endings") {
  const TempFolder root;
  for (const char* name : {"1.jfif", "2.JPE", "3.webp", "4.dib", "5.jpeg"}) {
    write_text(root.path() / "train/a" / name, "x");
  }
  CHECK(open_dataset(folder_config(root.path()), Split::kTrain)->size() == 5);
}

TEST_CASE(
    "image folder: skip takes paths as any system writes them, and tells of those that fit none") {
  const TempFolder root;
  write_pets(root.path());
  write_picture(root / "train/cat/#1\n.png", 9);
  write_text(root / "skip.txt",
             "./train/cat/c0.png\ntrain\\cat\\c1.png\n  train/dog/d0.png \nval/cat/c.png\n"
             "\"train/cat/#1\\n.png\"\nno/such.png\n");
  DataConfig config = folder_config(root.path());
  config.skip = root / "skip.txt";
  CHECK(open_dataset(config, Split::kTrain)->size() == 3);
  CHECK(open_dataset(config, Split::kVal)->size() == 2);
  CHECK(image_folder_findings(config, Split::kTrain).problems ==
        Names{fmt::format("[data] data.skip {}: 1 entry fits no file: \"no/such.png\"",
                          config.skip)});
  CHECK(image_folder_findings(config, Split::kVal).problems.empty());
}

TEST_CASE("image list: paths of Windows, and how many files are missing") {
  const TempFolder root;
  write_pets(root.path());
  write_text(root / "l.csv", "train\\cat\\c0.png,x\ntrain/dog/d0.png,y\n");
  DataConfig config = folder_config(root.path());
  config.train_list = "l.csv";
  CHECK(open_dataset(config, Split::kTrain)->sample_name(0) == "train/cat/c0.png");
  write_text(root / "l.csv", "train/a.png,x\ntrain/dog/d0.png,y\ntrain/b.png,x\n");
  CHECK(contains(message_of<DataError>([&] { open_dataset(config, Split::kTrain); }),
                 "l.csv: there is no train/a.png below " + root.string() + ", nor 1 more"));
}

}  // namespace
}  // namespace tessera
