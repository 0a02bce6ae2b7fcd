#include "data/survey.h"

#include <doctest/doctest.h>

#include "tests/data/dense_tree.h"
#include "tests/data/image_tree.h"

namespace tessera {
namespace {

using testing::contains;
using testing::TempFolder;
using testing::write_picture;
using testing::write_text;

TEST_CASE("a folder is recognised by what lies in it") {
  const TempFolder folder;
  const auto name_of = [&](const char* root) { return recognise_data(folder / root).name; };
  write_picture(folder / "classes/a/1.png", 1);
  CHECK(name_of("classes") == DatasetName::kImageFolder);
  write_picture(folder / "masks/data/images/1.png", 1);
  write_picture(folder / "masks/data/labels/1.png", 1);
  CHECK(name_of("masks") == DatasetName::kImageMasks);
  write_text(folder / "voc/Annotations/1.xml", "<annotation/>");
  write_picture(folder / "voc/JPEGImages/1.png", 1);
  CHECK(name_of("voc") == DatasetName::kVoc);
  write_text(folder / "coco/annotations/instances_train.json", "{}");
  CHECK(name_of("coco") == DatasetName::kCoco);
  write_text(folder / "roboflow/train/_annotations.coco.json", "{}");
  CHECK(name_of("roboflow") == DatasetName::kCoco);
  write_text(folder / "yolo/data.yaml", "names: [a]");
  CHECK(name_of("yolo") == DatasetName::kYolo);
  write_picture(folder / "list/images/1.png", 1);
  write_text(folder / "list/train.csv", "images/1.png,a\n");
  CHECK(name_of("list") == DatasetName::kImageFolder);
  CHECK(recognise_data(folder / "list").train_list == "train.csv");
}

TEST_CASE("what is missing for a data set is said") {
  const TempFolder folder;
  const auto message = [&](const char* root) {
    return testing::message_of<DataError>([&] { recognise_data(folder / root); });
  };
  write_picture(folder / "flat/1.png", 1);
  CHECK(contains(message("flat"), "1 images and nothing that says what they show"));
  write_text(folder / "flat/1.txt", "0 0.5 0.5 0.1 0.1");
  CHECK(contains(message("flat"), "no data.yaml"));
  write_text(folder / "empty/read.me", "");
  CHECK(contains(message("empty"), "holds no image that is read"));
}

TEST_CASE("a survey counts, measures and plans the splits") {
  const TempFolder folder;
  testing::write_pets(folder / "pets");
  DataSurvey survey = survey_data(folder / "pets");
  CHECK(survey.training == 6);
  CHECK(survey.validation == 3);
  CHECK(survey.config.val_split == 0.0);
  CHECK(survey.class_counts == std::vector<std::int64_t>{4, 2});
  CHECK(survey.heights == std::array<std::int64_t, 3>{12, 12, 20});
  CHECK(survey.widths == std::array<std::int64_t, 3>{10, 16, 16});
  CHECK(!survey.is_grey);
  std::filesystem::rename(folder / "pets/val", folder / "pets/test");
  survey = survey_data(folder / "pets");
  CHECK(survey.validation == 0);
  CHECK(survey.spares_test);
  CHECK(survey.config.val_split == 0.2);
  write_picture(folder / "one/a/1.png", 1);
  write_picture(folder / "one/b/1.png", 2);
  CHECK(survey_data(folder / "one").trains_on_all);
  write_text(folder / "one/b/2.png", "no image");
  survey = survey_data(folder / "one");
  CHECK(survey.unreadable == 1);
  CHECK(contains(survey.unreadable_example, "b/2.png"));
}

}  // namespace
}  // namespace tessera
