#include "tasks/segmentation/confusion.h"

#include <cmath>

#include "core/error.h"
#include "tests/support/json_fixture.h"

namespace tessera {
namespace {

using Map = std::vector<std::uint8_t>;

Map flat(const nlohmann::json& rows) {
  Map map;
  for (const auto& row : rows) {
    for (const auto& value : row) map.push_back(value.get<std::uint8_t>());
  }
  return map;
}

void check_value(double actual, const nlohmann::json& expected) {
  if (expected.is_null()) {
    CHECK(std::isnan(actual));
  } else {
    CHECK(std::abs(actual - expected.get<double>()) < 1e-9);
  }
}

TEST_CASE("confusion: the figures of a reference, classes nowhere and only predicted among them") {
  const auto fixture = test::json_fixture("segmentation_metrics.json");
  REQUIRE(fixture["cases"].size() == 3);
  for (const auto& c : fixture["cases"]) {
    const std::int64_t classes = c["num_classes"];
    const std::int32_t ignored = c["ignore_index"];
    CAPTURE(classes);
    // Image by image into two halves, which are merged.
    Confusion all(classes, ignored), rest(classes, ignored);
    for (std::size_t i = 0; i < c["truth"].size(); ++i) {
      const Map truth = flat(c["truth"][i]), prediction = flat(c["prediction"][i]);
      if (i % 2 == 0) {
        all.add(truth, prediction);
      } else {
        rest.add(std::vector<std::int32_t>(truth.begin(), truth.end()),
                 std::vector<std::int32_t>(prediction.begin(), prediction.end()));
      }
    }
    all.merge(rest);
    const auto& expected = c["expected"];
    for (std::int64_t k = 0; k < classes; ++k) {
      CAPTURE(k);
      const auto at = static_cast<std::size_t>(k);
      const PixelScore score = all.class_score(k);
      check_value(score.iou, expected["iou"][at]);
      check_value(score.recall, expected["acc"][at]);
      check_value(score.precision, expected["precision"][at]);
      check_value(score.dice, expected["dice"][at]);
      for (std::int64_t j = 0; j < classes; ++j) {
        CHECK(all.counts()[static_cast<std::size_t>(k * classes + j)] ==
              expected["confusion"][at][static_cast<std::size_t>(j)].get<std::int64_t>());
      }
    }
    check_value(all.mean_iou(), expected["mIoU"]);
    check_value(all.mean_accuracy(), expected["mAcc"]);
    check_value(all.pixel_accuracy(), expected["aAcc"]);
    check_value(all.frequency_weighted_iou(), expected["fwIoU"]);
  }
}

TEST_CASE("confusion: nothing counted gives no figure") {
  Confusion confusion(2);
  confusion.add(Map{255, 255}, Map{0, 1});
  CHECK(confusion.pixels() == 0);
  for (const double value : {confusion.mean_iou(), confusion.mean_accuracy(),
                             confusion.pixel_accuracy(), confusion.frequency_weighted_iou()}) {
    CHECK(std::isnan(value));
  }
}

TEST_CASE("confusion: sizes and values that do not fit are refused") {
  Confusion confusion(3);
  CHECK_THROWS_AS(confusion.add(Map{0, 1}, Map{0}), ShapeError);
  CHECK_THROWS_WITH_AS(confusion.add(Map{0, 3}, Map{0, 1}),
                       "[confusion] pixel 1: truth 3, prediction 1; classes are 0 to 2, 255 is "
                       "ignored",
                       DataError);
  CHECK_THROWS_WITH_AS(confusion.add(Map{0, 1}, Map{0, 255}),
                       "[confusion] pixel 1: truth 1, prediction 255; classes are 0 to 2",
                       DataError);
  CHECK_THROWS_AS(confusion.add(std::vector<std::int32_t>{0}, std::vector<std::int32_t>{-1}),
                  DataError);
  CHECK_THROWS_AS(confusion.merge(Confusion(4)), ShapeError);
  CHECK_THROWS_AS(Confusion(0), ShapeError);
  CHECK_THROWS_AS(Confusion(257), ShapeError);
}

}  // namespace
}  // namespace tessera
