#include "tasks/detection/detections.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "layers/heads/detector_heads.h"
#include "tasks/detection/fcos_targets.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;

struct Case {
  ModelConfig model;
  Size2 image{40, 64};
  std::vector<Tensor> outputs;
  DetectorGrid grid;
};

Case make_case(std::int64_t classes, std::uint64_t seed, std::int64_t batch = 2) {
  Case c;
  c.model.num_classes = classes;
  c.model.head.type = HeadType::kFcos;
  c.model.head.detector.levels = {8, 16};
  const std::vector<Size2> maps{{5, 8}, {3, 4}};
  for (const Size2 map : maps) {
    c.outputs.push_back(random_tensor({batch, map[0], map[1], classes}, ++seed, 2.0f));
    const Tensor distances = random_tensor({batch, map[0], map[1], 4}, ++seed, 10.0f);
    for (float& d : distances.span()) d = std::max(d, 0.0f);
    c.outputs.push_back(distances);
    c.outputs.push_back(random_tensor({batch, map[0], map[1], 1}, ++seed, 2.0f));
  }
  c.grid = detector_grid(c.model, maps, c.image);
  return c;
}

double overlap(const Detection& a, const Detection& b) {
  const double w = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const double h = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const double inter = std::max(w, 0.0) * std::max(h, 0.0);
  const auto area = [](const Detection& d) { return double{d.x1 - d.x0} * (d.y1 - d.y0); };
  return inter == 0.0 ? 0.0 : inter / (area(a) + area(b) - inter);
}

/// In doubles, all pairs.
std::vector<Detection> reference(const Case& c, std::int64_t index, Size2 size) {
  const DetectorConfig& config = c.model.head.detector;
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  std::vector<Detection> all;
  for (std::size_t l = 0; l < c.grid.levels.size(); ++l) {
    std::vector<Detection> found;
    const DetectorLevel& level = c.grid.levels[l];
    const std::int64_t classes = c.model.num_classes;
    for (std::int64_t p = 0; p < level.places(); ++p) {
      const std::int64_t at = index * level.places() + p;
      const float* d = c.outputs[3 * l + 1].f32() + 4 * at;
      const float x = level.x(p % level.map[1]), y = level.y(p / level.map[1]);
      for (std::int64_t k = 0; k < classes; ++k) {
        const double product = sigmoid(c.outputs[3 * l].f32()[at * classes + k]) *
                               sigmoid(c.outputs[3 * l + 2].f32()[at]);
        const double score = config.score == FcosScore::kRoot ? std::sqrt(product) : product;
        if (!(score > config.score_threshold)) continue;
        const auto cut = [](float v, std::int64_t end) {
          return std::clamp(v, 0.0f, static_cast<float>(end));
        };
        found.push_back({cut(x - d[0], size[1]), cut(y - d[1], size[0]), cut(x + d[2], size[1]),
                         cut(y + d[3], size[0]), static_cast<std::int32_t>(k),
                         static_cast<float>(score)});
      }
    }
    std::ranges::stable_sort(found, std::ranges::greater{}, &Detection::score);
    if (static_cast<std::int64_t>(found.size()) > config.before_nms) {
      found.resize(static_cast<std::size_t>(config.before_nms));
    }
    all.insert(all.end(), found.begin(), found.end());
  }
  std::ranges::stable_sort(all, std::ranges::greater{}, &Detection::score);
  std::vector<Detection> kept;
  for (const Detection& one : all) {
    const bool hidden = std::ranges::any_of(kept, [&](const Detection& better) {
      return better.label == one.label && overlap(better, one) > config.nms;
    });
    if (!hidden) kept.push_back(one);
  }
  if (static_cast<std::int64_t>(kept.size()) > config.keep) {
    kept.resize(static_cast<std::size_t>(config.keep));
  }
  return kept;
}

TEST_CASE("detections are those that comparing all pairs gives") {
  for (const FcosScore score : {FcosScore::kRoot, FcosScore::kProduct}) {
    for (const double threshold : {0.0, 0.05, 0.4, 0.99}) {
      for (const std::int64_t most : {3, 20, 1000}) {
        Case c = make_case(3, 7 + static_cast<std::uint64_t>(most));
        DetectorConfig& config = c.model.head.detector;
        config.score = score;
        config.score_threshold = threshold;
        config.before_nms = most;
        config.keep = most == 3 ? 2 : 60;
        CAPTURE(threshold);
        CAPTURE(most);
        for (const Size2 size : {c.image, Size2{33, 50}}) {
          const auto found = detections_of(c.model, c.outputs, 1, c.image, size);
          const auto expected = reference(c, 1, size);
          REQUIRE(found.size() == expected.size());
          for (std::size_t i = 0; i < found.size(); ++i) {
            CHECK(found[i].label == expected[i].label);
            CHECK(found[i].score == doctest::Approx(expected[i].score).epsilon(1e-5));
            CHECK(found[i].x0 == expected[i].x0);
            CHECK(found[i].y1 == expected[i].y1);
          }
        }
      }
    }
  }
}

TEST_CASE("detections of a batch are in pixels of the images before they were scaled and padded") {
  const Case c = make_case(2, 40);
  Batch batch{.images = Tensor::zeros({2, c.image[0], c.image[1], 3}), .labels = {}};
  batch.sizes = {{40, 64, 3}, {20, 32, 3}};
  batch.original_sizes = {{80, 64, 3}, {40, 64, 3}};
  const auto scaled = detections_of(c.model, c.outputs, batch);
  const auto first = detections_of(c.model, c.outputs, 0, c.image, c.image);
  const auto second = detections_of(c.model, c.outputs, 1, c.image, {20, 32});
  REQUIRE(scaled[0].size() == first.size());
  REQUIRE(scaled[1].size() == second.size());
  REQUIRE(!first.empty());
  REQUIRE(!second.empty());
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(scaled[0][i].y1 == 2.0f * first[i].y1);
    CHECK(scaled[0][i].x1 == first[i].x1);
  }
  for (std::size_t i = 0; i < second.size(); ++i) {
    CHECK(scaled[1][i].x0 == 2.0f * second[i].x0);
    CHECK(scaled[1][i].x1 <= 64.0f);
    CHECK(scaled[1][i].y1 <= 40.0f);
  }
}

TEST_CASE("outputs that are not finite give no detection") {
  Case c = make_case(2, 50);
  for (const std::size_t part : {FcosOutput::kLogits, FcosOutput::kCentreness}) {
    Case broken = make_case(2, 50);
    for (std::size_t l = 0; l < 2; ++l) {
      broken.outputs[3 * l + part].fill(std::numeric_limits<float>::quiet_NaN());
    }
    CHECK(detections_of(broken.model, broken.outputs, 0, broken.image, broken.image).empty());
  }
}

}  // namespace
}  // namespace tessera
