#include "tasks/detection/anchor_targets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace tessera {
namespace {

ModelConfig anchor_model() {
  ModelConfig model;
  model.patch_size = {4, 4};
  model.depths = {1, 1};
  model.num_heads = {1, 1};
  model.head.type = HeadType::kRetinaNet;
  model.head.detector.levels = {4, 8};
  model.head.detector.anchors = {12, 16, 24, 36};
  model.head.detector.ratios = {1.0, 4.0};
  return model;
}

DetectorGrid grid_of(const ModelConfig& model) {
  const std::vector<Size2> maps = {{12, 20}, {6, 10}};
  return detector_grid(model, maps, {48, 80});
}

/// Corners in whole pixels, as those of the anchors are: ties of overlaps are ties in any
/// precision.
std::vector<Box> random_boxes(int count) {
  Rng rng(4, Stream::kSynthetic, 0, 0);
  std::vector<Box> boxes;
  for (int i = 0; i < count; ++i) {
    const auto whole = [&](std::uint32_t low, std::uint32_t high) {
      return static_cast<float>(low + rng.below(high - low));
    };
    const float x = whole(0, 60), y = whole(0, 30), width = whole(2, 20), height = whole(2, 18);
    boxes.push_back(
        {.x0 = x, .y0 = y, .x1 = x + width, .y1 = y + height, .label = i % 3, .crowd = i % 5 == 4});
  }
  return boxes;
}

/// Every anchor against every box, in doubles.
std::vector<std::int32_t> every_pair(const DetectorGrid& grid, const std::vector<Box>& boxes,
                                     const DetectorConfig& config) {
  std::vector<std::vector<double>> overlaps;
  for (const DetectorLevel& level : grid.levels) {
    for (std::int64_t k = 0; k < level.places() * std::ssize(level.anchors); ++k) {
      const AnchorCorners a = level.anchor(k);
      std::vector<double>& row = overlaps.emplace_back();
      for (const Box& box : boxes) {
        const double w =
            std::max(0.0, double{std::min(a[2], box.x1)} - double{std::max(a[0], box.x0)});
        const double h =
            std::max(0.0, double{std::min(a[3], box.y1)} - double{std::max(a[1], box.y0)});
        const double both = double{a[2] - a[0]} * double{a[3] - a[1]} +
                            double{box.x1 - box.x0} * double{box.y1 - box.y0} - w * h;
        row.push_back(box.crowd ? -1.0 : w * h / both);
      }
    }
  }
  std::vector<std::int32_t> matched;
  for (const std::vector<double>& row : overlaps) {
    const auto best = std::ranges::max_element(row);
    const bool any = !row.empty() && *best > 0.0;
    bool is_best = false;
    for (std::size_t b = 0; b < boxes.size() && any; ++b) {
      const double most = std::ranges::max(overlaps, {}, [&](const auto& r) { return r[b]; })[b];
      is_best = is_best || (row[b] > 0.0 && row[b] == most);
    }
    const auto at = any ? static_cast<std::int32_t>(best - row.begin()) : kNoBox;
    matched.push_back(any && (*best >= config.positive || is_best) ? at
                      : any && *best >= config.negative            ? kLeftOut
                                                                   : kNoBox);
  }
  return matched;
}

TEST_CASE("anchors find the box that they overlap most, as comparing every pair says") {
  for (const PlaceRules rules : {PlaceRules::kPlain, PlaceRules::kTorchvision}) {
    ModelConfig model = anchor_model();
    model.head.detector.rules = rules;
    const DetectorGrid grid = grid_of(model);
    for (const int count : {0, 1, 9, 40}) {
      CAPTURE(count);
      const std::vector<Box> boxes = random_boxes(count);
      const auto matched = match_anchors(grid, boxes, model.head.detector);
      CHECK(matched == every_pair(grid, boxes, model.head.detector));
      for (std::int32_t b = 0; b < count; ++b) {  // each box has an anchor, or a better box has it
        const bool crowd = boxes[static_cast<std::size_t>(b)].crowd;
        CHECK((crowd ? std::ranges::count(matched, b) == 0 : true));
      }
      if (count == 1) CHECK(std::ranges::count(matched, 0) > 0);
    }
  }
}

TEST_CASE("anchors: corners by rule, offsets to boxes and back, weights of a batch") {
  ModelConfig model = anchor_model();
  model.head.detector.ratios = {0.5};
  model.head.detector.rules = PlaceRules::kPlain;
  const AnchorCorners exact = grid_of(model).levels[0].anchors[0];
  CHECK(exact[2] == doctest::Approx(6.0 * std::sqrt(2.0)));
  CHECK(exact[3] == doctest::Approx(6.0 / std::sqrt(2.0)));
  model.head.detector.rules = PlaceRules::kAuto;  // at location 0 that of torchvision
  CHECK(grid_of(model).levels[0].anchors[0] == AnchorCorners{-8.0f, -4.0f, 8.0f, 4.0f});

  const std::vector<Box> boxes = random_boxes(9);
  const DetectorGrid grid = grid_of(model);
  const AnchorCorners anchor = grid.levels[1].anchor(7);
  for (const Box& box : boxes) {
    const AnchorCorners back = box_at(anchor, offsets_to(box, anchor).data());
    CHECK(back[0] == doctest::Approx(box.x0).epsilon(1e-5));
    CHECK(back[3] == doctest::Approx(box.y1).epsilon(1e-5));
  }
  const float huge[] = {0.0f, 0.0f, 1000.0f, 0.0f};
  CHECK(std::isfinite(box_at(anchor, huge)[2]));

  const AnchorTargets targets = anchor_targets(grid, {boxes, {}}, model.head.detector);
  const auto sum = [&](const std::vector<Tensor>& weights, std::int64_t image) {
    double total = 0.0;
    for (const Tensor& level : weights) {
      const std::int64_t own = level.numel() / 2;
      for (std::int64_t i = image * own; i < (image + 1) * own; ++i)
        total += double{level.f32()[i]};
    }
    return total;
  };
  CHECK(sum(targets.box_weights, 0) == doctest::Approx(0.5));
  CHECK(sum(targets.box_weights, 1) == 0.0);
  CHECK(sum(targets.class_weights, 1) == doctest::Approx(0.5 * (12 * 20 + 6 * 10) * 2));
}

}  // namespace
}  // namespace tessera
