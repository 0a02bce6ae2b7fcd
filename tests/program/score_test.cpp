// `tessera score`: masks and boxes that any program has made.
#include <nlohmann/json.hpp>

#include "data/images/image.h"
#include "tests/program/program.h"
#include "tests/support/index_png.h"
#include "tests/support/json_fixture.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using test::ScratchFolder;

/// The maps of a fixture's case as grey PNGs `0.png`, `1.png`, ...; a palette where `palette`.
void write_maps(const json& maps, const fs::path& folder, bool palette) {
  fs::create_directories(folder);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    std::vector<std::uint8_t> pixels;
    for (const auto& row : maps[i]) {
      for (const auto& value : row) pixels.push_back(value.get<std::uint8_t>());
    }
    const auto width = static_cast<int>(maps[i][0].size());
    test::write_text(folder / (std::to_string(i) + ".png"),
                     test::index_png(pixels, {.width = width, .type = palette ? 3 : 0}));
  }
}

void check_near(const json& actual, const json& expected) {
  CHECK(actual.is_null() == expected.is_null());
  if (!expected.is_null()) {
    CHECK(std::abs(actual.get<double>() - expected.get<double>()) < 1e-9);
  }
}

TEST_CASE("score: folders of masks, grey against palette") {
  const json fixture = test::json_fixture("segmentation_metrics.json");
  for (const json& c : fixture["cases"]) {
    const ScratchFolder folder;
    write_maps(c["truth"], folder / "labels", false);
    write_maps(c["prediction"], folder / "predictions/", true);
    const std::string labels = folder / "labels", predictions = folder / "predictions";
    const Outcome outcome = test::tessera({"score", labels, predictions, "--json", "--classes",
                                           std::to_string(c["num_classes"].get<int>())});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const json result = json::parse(outcome.out);
    const json& expected = c["expected"];
    for (const char* figure : {"mIoU", "mAcc", "aAcc", "fwIoU"}) {
      check_near(result[figure], expected[figure]);
    }
    CHECK(result["confusion"] == expected["confusion"]);
    for (std::size_t k = 0; k < result["per_class"].size(); ++k) {
      check_near(result["per_class"][k]["IoU"], expected["iou"][k]);
      check_near(result["per_class"][k]["Dice"], expected["dice"][k]);
    }
    // Without --classes the largest index tells.
    const Outcome plain = test::tessera({"score", labels, predictions});
    CHECK(plain.code == 0);
    CHECK(plain.out.find(fmt::format("mIoU {:.2f} %", 100.0 * expected["mIoU"].get<double>())) !=
          std::string::npos);
  }
}

TEST_CASE("score: boxes in COCO's JSON") {
  for (const char* name : {"coco_crowd_areas.json", "coco_many_ties.json", "coco_gaps.json"}) {
    CAPTURE(name);
    const json fixture = test::json_fixture(name);
    const ScratchFolder folder;
    test::write_text(folder / "gt.json", fixture["ground_truth"].dump());
    test::write_text(folder / "dt.json", fixture["detections"].dump(1));
    const Outcome outcome =
        test::tessera({"score", folder / "gt.json", folder / "dt.json", "--json"});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const json result = json::parse(outcome.out);
    for (const auto& [figure, value] : fixture["expected"]["stats"].items()) {
      check_near(result["stats"][figure], value);
    }
    for (const json& one : result["per_class"]) {
      const json& expected = fixture["expected"]["per_class"][std::to_string(one["id"].get<int>())];
      for (const char* figure : {"AP", "AP50", "AP75", "AR100", "AP_small"}) {
        check_near(one[figure], expected[figure]);
      }
    }
    CHECK(test::tessera({"score", folder / "gt.json", folder / "dt.json"}).out.find("AP50") !=
          std::string::npos);
  }
}

/// Files of one image of 2 x 3 pixels and its boxes, to be spoilt.
struct Inputs {
  ScratchFolder folder;
  json truth = {{"images", {{{"id", 3}}}},
                {"annotations", {{{"image_id", 3}, {"category_id", 7}, {"bbox", {1, 2, 3, 4}}}}},
                {"categories", {{{"id", 7}, {"name", "cell"}}}}};
  json detections = {{{"image_id", 3}, {"category_id", 7}, {"bbox", {1, 2, 3, 4}}, {"score", 0.5}}};

  Inputs() {
    fs::create_directories(folder / "a");
    fs::create_directories(folder / "b");
    write_png(folder / "a/x.png", {{2, 3, 1}, {0, 1, 2, 0, 255, 2}});
    write_png(folder / "b/x.png", {{2, 3, 1}, {0, 1, 2, 0, 1, 2}});
  }
  Outcome masks() const { return test::tessera({"score", folder / "a", folder / "b"}); }
  Outcome boxes() const {
    test::write_text(folder / "gt.json", truth.dump());
    test::write_text(folder / "dt.json", detections.dump());
    return test::tessera({"score", folder / "gt.json", folder / "dt.json"});
  }
};

void check_error(const Outcome& outcome, int code, const std::string& text) {
  CHECK(outcome.code == code);
  CHECK(outcome.out.empty());
  CHECK(outcome.has_one_line());
  CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
}

TEST_CASE("score: masks that do not fit each other are named") {
  Inputs inputs;
  CHECK(inputs.masks().code == 0);
  write_png(inputs.folder / "b/y.png", {{1, 1, 1}, {0}});
  CHECK(inputs.masks().err.find("1 prediction without a label") != std::string::npos);
  write_png(inputs.folder / "a/z.png", {{1, 1, 1}, {0}});
  check_error(inputs.masks(), 1, "a/z.png: no z.png in ");
  fs::remove(inputs.folder / "a/z.png");
  fs::remove(inputs.folder / "b/y.png");
  write_png(inputs.folder / "b/x.png", {{2, 3, 1}, {0, 1, 2, 255, 1, 2}});
  check_error(inputs.masks(), 1, "b/x.png: row 1, column 0 has 255, which is no class");
  write_png(inputs.folder / "b/x.png", {{3, 2, 1}, {0, 1, 2, 0, 1, 2}});
  check_error(inputs.masks(), 1, "b/x.png: 3 x 2 pixels, and ");
  write_png(inputs.folder / "b/x.png", {{2, 3, 3}, std::vector<std::uint8_t>(18)});
  check_error(inputs.masks(), 1, "its pixels are colours (RGB)");
  check_error(test::tessera({"score", inputs.folder / "a", inputs.folder / "b/x.png"}), 2,
              "give two folders of PNG masks or two JSON files");
  check_error(test::tessera({"score", inputs.folder / "a", inputs.folder / "c"}), 1,
              "c: no such file or folder");
}

TEST_CASE("score: what pycocotools leaves out is left out with a word") {
  Inputs inputs;
  inputs.detections.push_back(
      {{"image_id", 3}, {"category_id", 8}, {"bbox", {1, 2, 3, 4}}, {"score", 1}});
  const Outcome unknown = inputs.boxes();
  CHECK(unknown.code == 0);
  CHECK(unknown.out.find("1.000") != std::string::npos);
  CHECK(unknown.err.find("1 detection of categories that") != std::string::npos);
  inputs.truth["annotations"][0]["id"] = 0;
  const Outcome zero = inputs.boxes();
  CHECK(zero.code == 0);
  CHECK(zero.out.find("1.000") == std::string::npos);
  CHECK(zero.err.find("an annotation has the id 0") != std::string::npos);
}

TEST_CASE("score: boxes that do not fit the truth are named") {
  const auto error = [](auto&& spoil, int code, const std::string& text) {
    Inputs inputs;
    CHECK(inputs.boxes().code == 0);
    spoil(inputs);
    check_error(inputs.boxes(), code, text);
  };
  error([](Inputs& i) { i.truth["annotations"][0]["category_id"] = 8; }, 1,
        "gt.json: annotations[0]: category_id 8 is none of the 1 categories");
  error([](Inputs& i) { i.detections[0]["image_id"] = 4; }, 1,
        "dt.json: [0]: image_id 4 is none of the 1 images of the ground truth");
  error([](Inputs& i) { i.detections[0].erase("score"); }, 1, "dt.json: [0]: has no score");
  error([](Inputs& i) { i.detections[0]["score"] = "high"; }, 1, "score is \"high\", not a number");
  error(
      [](Inputs& i) {
        i.detections = {{"annotations", i.detections}};
      },
      1, "detections are a list of {image_id, category_id, bbox, score}");
  error(
      [](Inputs& i) {
        i.truth["annotations"][0]["bbox"] = {1, 2, 3};
      },
      1, "gt.json: annotations[0]: bbox is [1,2,3], not [x, y, width, height]");
  error([](Inputs& i) { i.truth["categories"].push_back(i.truth["categories"][0]); }, 1,
        "categories with the id 7 stand there twice");
  error([](Inputs& i) { i.truth.erase("images"); }, 1, "gt.json: has no images");
  Inputs inputs;
  inputs.boxes();
  test::write_text(inputs.folder / "dt.json", "[{\"image_id\": 3,]");
  check_error(test::tessera({"score", inputs.folder / "gt.json", inputs.folder / "dt.json"}), 1,
              "dt.json: parse error at line 1, column 17");
}

TEST_CASE("score: what a parser repeats of a hostile file is one short line") {
  Inputs inputs;
  inputs.boxes();
  const std::string long_one(2'000'000, '9');
  for (const std::string& text : {"[{\"image_id\": " + long_one + "}]", "[{\"" + long_one + "]",
                                  "[{\"image_id\": x" + long_one, std::string(long_one)}) {
    test::write_text(inputs.folder / "dt.json", text);
    const Outcome outcome =
        test::tessera({"score", inputs.folder / "gt.json", inputs.folder / "dt.json"});
    check_error(outcome, 1, "dt.json: ");
    CHECK(outcome.err.size() < 800);
  }
}

}  // namespace
}  // namespace tessera
