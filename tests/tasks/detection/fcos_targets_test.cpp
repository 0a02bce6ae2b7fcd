#include "tasks/detection/fcos_targets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rng.h"
#include "layers/heads/detector_heads.h"

namespace tessera {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ModelConfig fcos_model() {
  ModelConfig model;
  model.head.type = HeadType::kFcos;
  model.head.detector.levels = {8, 16, 32, 64, 128};
  return model;
}

/// Sizes of maps of an image, rounded up.
std::vector<Size2> maps_of(const ModelConfig& model, Size2 image) {
  std::vector<Size2> maps;
  for (const std::int64_t s : detector_levels(model).strides) {
    maps.push_back({(image[0] + s - 1) / s, (image[1] + s - 1) / s});
  }
  return maps;
}

std::vector<Box> random_boxes(std::int64_t count, Size2 image, std::uint64_t seed) {
  Rng rng(seed, Stream::kSynthetic, 0, 0);
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < count; ++i) {
    // Whole numbers, so that places fall onto sides and bounds.
    const auto draw = [&](std::int64_t most) {
      return static_cast<float>(rng.below(static_cast<std::uint32_t>(most)));
    };
    const float x = draw(image[1] - 4), y = draw(image[0] - 4);
    boxes.push_back({.x0 = x,
                     .y0 = y,
                     .x1 = x + 1.0f + draw(image[1] - std::int64_t(x)),
                     .y1 = y + 1.0f + draw(image[0] - std::int64_t(y)),
                     .label = static_cast<std::int32_t>(rng.below(3)),
                     .crowd = rng.below(8) == 0});
  }
  return boxes;
}

/// Every place against every box, as the paper says it.
std::vector<std::int32_t> every_pair(const DetectorGrid& grid, std::span<const Box> boxes) {
  std::vector<std::int32_t> matched;
  for (const DetectorLevel& level : grid.levels) {
    for (std::int64_t place = 0; place < level.places(); ++place) {
      const double x = level.x(place % level.map[1]), y = level.y(place / level.map[1]);
      double smallest = kInfinity;
      std::int32_t best = -1;
      for (std::size_t k = 0; k < boxes.size(); ++k) {
        const Box& b = boxes[k];
        const double d[4] = {x - b.x0, y - b.y0, b.x1 - x, b.y1 - y};
        const double m = *std::max_element(d, d + 4);
        const double away =
            std::max(std::abs(x - 0.5 * (b.x0 + b.x1)), std::abs(y - 0.5 * (b.y0 + b.y1)));
        if (b.crowd || *std::min_element(d, d + 4) <= 0.0 || away >= 1.5 * level.stride) continue;
        if (m < level.low || m >= level.high || (grid.open_ranges && m == level.low)) continue;
        const double area = double{b.x1 - b.x0} * (b.y1 - b.y0);
        if (area >= smallest) continue;
        smallest = area;
        best = static_cast<std::int32_t>(k);
      }
      matched.push_back(best);
    }
  }
  return matched;
}

TEST_CASE("places find the smallest box in reach, as comparing every pair says") {
  for (const Size2 image : {Size2{240, 320}, Size2{97, 203}, Size2{8, 8}}) {
    ModelConfig model = fcos_model();
    for (const double location : {0.5, 0.0}) {
      model.head.detector.location = location;
      model.head.detector.rules = PlaceRules::kPlain;
      const DetectorGrid grid = detector_grid(model, maps_of(model, image), image);
      for (const std::int64_t count : {0, 1, 7, 200}) {
        CAPTURE(count);
        const std::vector<Box> boxes =
            random_boxes(count, image, 5 + static_cast<std::uint64_t>(count));
        CHECK(match_places(grid, boxes) == every_pair(grid, boxes));
      }
    }
  }
}

TEST_CASE(
    "torchvision's rules: open ranges, its steps between places, areas that are nearly equal") {
  ModelConfig model = fcos_model();
  model.head.detector.location = 0.0;
  const Size2 image{48, 80};
  const std::vector<Size2> maps{{6, 10}, {3, 5}, {2, 3}, {1, 2}, {1, 1}};
  const DetectorGrid grid = detector_grid(model, maps, image);
  CHECK(grid.open_ranges);
  CHECK(grid.levels[2].step_y == 24.0f);
  CHECK(grid.levels[2].step_x == 26.0f);
  CHECK(grid.levels[3].step_x == 40.0f);

  // The place (16, 16) is 64 from the right side of this box, which bounds the first two levels.
  const std::vector<Box> boxes{{.x0 = 10.0f, .y0 = 10.0f, .x1 = 80.0f, .y1 = 30.0f}};
  ModelConfig wide = model;
  wide.head.detector.radius = 100.0;
  const auto at = [](const DetectorGrid& g, std::size_t level, std::int64_t row,
                     std::int64_t column) {
    std::int64_t before = 0;
    for (std::size_t l = 0; l < level; ++l) before += g.levels[l].places();
    return static_cast<std::size_t>(before + row * g.levels[level].map[1] + column);
  };
  const DetectorGrid open = detector_grid(wide, maps, image);
  CHECK(match_places(open, boxes)[at(open, 0, 2, 2)] == -1);
  CHECK(match_places(open, boxes)[at(open, 1, 1, 1)] == -1);
  wide.head.detector.rules = PlaceRules::kPlain;
  const DetectorGrid plain = detector_grid(wide, maps, image);
  CHECK(match_places(plain, boxes)[at(plain, 0, 2, 2)] == -1);
  CHECK(match_places(plain, boxes)[at(plain, 1, 1, 1)] == 0);

  // Areas of 400 and 399.2: the second is smaller, but not by a step of 8.
  const std::vector<Box> equal{{.x0 = 6.0f, .y0 = 6.0f, .x1 = 26.0f, .y1 = 26.0f},
                               {.x0 = 6.0f, .y0 = 6.0f, .x1 = 26.0f, .y1 = 25.96f}};
  CHECK(match_places(open, equal)[at(open, 0, 2, 2)] == 0);
  CHECK(match_places(plain, equal)[at(plain, 0, 2, 2)] == 1);
}

TEST_CASE("targets: distances, centre-ness, labels; an image without boxes has none") {
  const ModelConfig model = fcos_model();
  const Size2 image{64, 96};
  const DetectorGrid grid = detector_grid(model, maps_of(model, image), image);
  const std::vector<std::vector<Box>> boxes{
      {}, {{.x0 = 10.0f, .y0 = 8.0f, .x1 = 50.0f, .y1 = 40.0f, .label = 2}}};
  const FcosTargets targets = fcos_targets(grid, boxes);
  std::int64_t positives = 0;
  for (std::size_t l = 0; l < grid.levels.size(); ++l) {
    const DetectorLevel& level = grid.levels[l];
    for (std::int64_t p = 0; p < 2 * level.places(); ++p) {
      const std::int32_t label = targets.labels[l].data<std::int32_t>()[p];
      if (label < 0) {
        CHECK(targets.centreness[l].f32()[p] == 0.0f);
        continue;
      }
      ++positives;
      CHECK(label == 2);
      CHECK(p >= level.places());
      const std::int64_t place = p - level.places();
      const float x = level.x(place % level.map[1]), y = level.y(place / level.map[1]);
      const float* d = targets.distances[l].f32() + 4 * p;
      CHECK(d[0] == x - 10.0f);
      CHECK(d[1] == y - 8.0f);
      CHECK(d[2] == 50.0f - x);
      CHECK(d[3] == 40.0f - y);
      const double ratio = double{std::min(d[0], d[2]) / std::max(d[0], d[2])} *
                           double{std::min(d[1], d[3]) / std::max(d[1], d[3])};
      CHECK(targets.centreness[l].f32()[p] == doctest::Approx(std::sqrt(ratio)));
    }
  }
  CHECK(positives == targets.positives);
  CHECK(positives > 0);
}

}  // namespace
}  // namespace tessera
