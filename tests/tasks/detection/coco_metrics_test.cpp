#include "tasks/detection/coco_metrics.h"

#include <cmath>
#include <map>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/json_fixture.h"

namespace tessera {
namespace {

BoxXywh coco_box(const nlohmann::json& bbox) { return {bbox[0], bbox[1], bbox[2], bbox[3]}; }

struct CocoImage {
  std::vector<CocoTruth> truths;
  std::vector<CocoDetection> detections;
};

/// Images by id, classes by ascending id of their category.
std::map<std::int64_t, CocoImage> images_of(const nlohmann::json& fixture,
                                            const std::map<std::int64_t, std::int32_t>& labels) {
  std::map<std::int64_t, CocoImage> images;
  for (const auto& image : fixture["ground_truth"]["images"]) images[image["id"]] = {};
  for (const auto& truth : fixture["ground_truth"]["annotations"]) {
    images.at(truth["image_id"])
        .truths.push_back({coco_box(truth["bbox"]), labels.at(truth["category_id"]), truth["area"],
                           truth["iscrowd"] == 1});
  }
  for (const auto& found : fixture["detections"]) {
    images.at(found["image_id"])
        .detections.push_back(
            {coco_box(found["bbox"]), labels.at(found["category_id"]), found["score"]});
  }
  return images;
}

TEST_CASE("coco_metrics: an overlap that is a threshold once rounded is one") {
  // 0.75 by separate roundings, as pycocotools has them; less where a product is fused with a sum.
  const std::vector<CocoTruth> truths = {{{17.7, 4.1, 17.7, 18.7}, 0, 300.0}};
  const std::vector<CocoDetection> found = {{{17.7, 4.1, 13.274999999999999, 18.7}, 0, 0.9}};
  CocoMetrics metrics(1);
  metrics.add(1, truths, found);
  CHECK(metrics.scores().classes.front().ap75 == doctest::Approx(1.0));
}

TEST_CASE("coco_metrics: the twelve figures and those of classes, as pycocotools has them") {
  for (const char* name : {"coco_crowd_areas.json", "coco_many_ties.json", "coco_gaps.json"}) {
    CAPTURE(name);
    const auto fixture = test::json_fixture(name);
    std::map<std::int64_t, std::int32_t> labels;
    for (const auto& category : fixture["ground_truth"]["categories"]) labels[category["id"]] = 0;
    std::int32_t next = 0;
    for (auto& [id, label] : labels) label = next++;
    // Backwards and in two halves: neither order nor parts matter.
    const auto images = images_of(fixture, labels);
    CocoMetrics all(next), rest(next);
    for (auto at = images.rbegin(); at != images.rend(); ++at) {
      (at->first % 2 == 0 ? all : rest).add(at->first, at->second.truths, at->second.detections);
    }
    all.merge(rest);
    const CocoScores scores = all.scores();
    const auto& expected = fixture["expected"];
    for (std::size_t i = 0; i < scores.stats.size(); ++i) {
      const std::string figure(CocoScores::kNames[i]);
      CAPTURE(figure);
      CHECK(std::abs(scores.stats[i] - expected["stats"].at(figure).get<double>()) < 1e-9);
    }
    for (const auto& [id, label] : labels) {
      const CocoClassScore& score = scores.classes.at(static_cast<std::size_t>(label));
      const auto& of = expected["per_class"].at(std::to_string(id));
      const auto check = [&](const char* figure, double value) {
        CAPTURE(id);
        CAPTURE(figure);
        CHECK(std::abs(value - of.at(figure).get<double>()) < 1e-9);
      };
      check("AP", score.ap);
      check("AP50", score.ap50);
      check("AP75", score.ap75);
      check("AR100", score.ar100);
      check("AP_small", score.ap_small);
      check("AP_medium", score.ap_medium);
      check("AP_large", score.ap_large);
    }
  }
}

TEST_CASE("coco_metrics: perfect detections, none, and no truths") {
  const std::vector<CocoTruth> truths = {{{10, 10, 50, 60}, 0, 3000.0, false},
                                         {{80, 10, 20, 20}, 0, 400.0, false}};
  const std::vector<CocoDetection> right = {{truths[0].box, 0, 0.9}, {truths[1].box, 0, 0.8}};
  CocoMetrics perfect(1), none(1), empty(1);
  perfect.add(1, truths, right);
  none.add(1, truths, {});
  empty.add(1, {}, right);
  CHECK(perfect.scores().stats[0] == doctest::Approx(1.0));
  CHECK(perfect.scores().stats[5] == -1.0);  // nothing large
  CHECK(perfect.scores().stats[6] == doctest::Approx(0.5));
  CHECK(none.scores().stats[0] == 0.0);
  CHECK(empty.scores().stats[0] == -1.0);
}

TEST_CASE("coco_metrics: labels and classes that do not fit are refused") {
  CocoMetrics metrics(2);
  const std::vector<CocoTruth> truths = {{{0, 0, 1, 1}, 2, 1.0, false}};
  const std::vector<CocoDetection> detections = {{{0, 0, 1, 1}, -1, 1.0}};
  CHECK_THROWS_WITH_AS(metrics.add(7, truths, {}),
                       "[coco_metrics] image 7: a truth of class 2; classes are 0 to 1", DataError);
  CHECK_THROWS_AS(metrics.add(7, {}, detections), DataError);
  CHECK_THROWS_AS(metrics.merge(CocoMetrics(3)), ShapeError);
}

}  // namespace
}  // namespace tessera
