#include "tasks/detection/voc_metrics.h"

#include <cmath>
#include <map>

#include "core/error.h"
#include "tests/support/json_fixture.h"

namespace tessera {
namespace {

BoxXyxy voc_box(const nlohmann::json& box) { return {box[0], box[1], box[2], box[3]}; }

struct VocImage {
  std::vector<VocTruth> truths;
  std::vector<VocDetection> detections;
};

TEST_CASE("voc_metrics: both averages of a reference, without and with the added pixel") {
  const auto fixture = test::json_fixture("voc_metrics.json");
  std::map<std::int64_t, VocImage> images;
  for (const auto& truth : fixture["truths"]) {
    images[truth["image"]].truths.push_back(
        {voc_box(truth["box"]), truth["label"], truth["difficult"]});
  }
  for (const auto& found : fixture["detections"]) {
    images[found["image"]].detections.push_back(
        {voc_box(found["box"]), found["label"], found["score"]});
  }
  const auto classes = static_cast<std::int64_t>(fixture["classes"].size());
  for (const bool plus_one : {false, true}) {
    CAPTURE(plus_one);
    const VocConfig config{fixture["iou_threshold"], plus_one};
    VocMetrics all(classes, config), rest(classes, config);
    for (const auto& [id, image] : images) {
      (id < 2 ? all : rest).add(image.truths, image.detections);
    }
    all.merge(rest);
    const auto& expected = fixture[plus_one ? "expected_plus_one_pixel" : "expected"];
    for (std::int64_t k = 0; k < classes; ++k) {
      CAPTURE(k);
      const auto& of = expected["per_class"].at(std::to_string(k));
      const VocClassScore score = all.class_score(k);
      CHECK(score.truths == of["truths"].get<std::int64_t>());
      CHECK(std::abs(score.ap_11_point - of["ap_11_point"].get<double>()) < 1e-9);
      CHECK(std::abs(score.ap_area - of["ap_area"].get<double>()) < 1e-9);
      CHECK(std::abs(score.recall - of["recall"].get<double>()) < 1e-9);
    }
    CHECK(std::abs(all.mean_ap_11_point() - expected["mAP_11_point"].get<double>()) < 1e-9);
    CHECK(std::abs(all.mean_ap_area() - expected["mAP_area"].get<double>()) < 1e-9);
  }
}

TEST_CASE("voc_metrics: a second detection of a truth is wrong, of a difficult one neither") {
  VocMetrics metrics(2);
  const std::vector<VocTruth> truths = {{{0, 0, 10, 10}, 0, false}, {{20, 0, 30, 10}, 0, true}};
  const std::vector<VocDetection> detections = {{truths[0].box, 0, 0.9},
                                                {truths[0].box, 0, 0.8},
                                                {truths[1].box, 0, 0.95},
                                                {truths[1].box, 0, 0.7}};
  metrics.add(truths, detections);
  CHECK(metrics.class_score(0).truths == 1);
  CHECK(metrics.class_score(0).ap_area == 1.0);
  CHECK(std::isnan(metrics.class_score(1).ap_area));
  CHECK(metrics.mean_ap_area() == 1.0);
}

TEST_CASE("voc_metrics: labels and classes that do not fit are refused") {
  VocMetrics metrics(2);
  const std::vector<VocTruth> truths = {{{0, 0, 1, 1}, 2, false}};
  CHECK_THROWS_AS(metrics.add(truths, {}), DataError);
  CHECK_THROWS_AS(metrics.merge(VocMetrics(1)), ShapeError);
}

}  // namespace
}  // namespace tessera
