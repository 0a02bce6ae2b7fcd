#include "core/ops/non_maximum_suppression.h"

#include <numeric>

#include "core/error.h"
#include "tests/support/op_fixture.h"

namespace tessera {
namespace {

using ops::Corners;
using Kept = std::vector<std::int64_t>;

std::vector<Corners> corners_of(const Tensor& boxes) {
  std::vector<Corners> corners;
  for (std::int64_t i = 0; i < boxes.dim(0); ++i) {
    const float* box = boxes.f32() + 4 * i;
    corners.push_back({box[0], box[1], box[2], box[3]});
  }
  return corners;
}

double iou(const Corners& a, const Corners& b) {
  const auto overlap = [](float a0, float a1, float b0, float b1) {
    return std::max(0.0, double{std::min(a1, b1)} - double{std::max(a0, b0)});
  };
  const auto area = [](const Corners& c) {
    return (double{c.x1} - double{c.x0}) * (double{c.y1} - double{c.y0});
  };
  const double inter = overlap(a.x0, a.x1, b.x0, b.x1) * overlap(a.y0, a.y1, b.y0, b.y1);
  return inter / (area(a) + area(b) - inter);
}

TEST_CASE("non_maximum_suppression keeps what torchvision keeps, in its order") {
  const test::OpFixture fixture("op_nms.safetensors");
  REQUIRE(fixture.cases().size() == 8);
  for (const auto& c : fixture.cases()) {
    CAPTURE(c.dump());
    const Tensor boxes = fixture.tensor(c, "boxes"), scores = fixture.tensor(c, "scores");
    const Tensor keep = fixture.tensor(c, "keep");
    std::vector<std::int32_t> classes;
    if (c["op"] == "batched_nms") {
      const auto stored = fixture.tensor(c, "classes").span<std::int32_t>();
      classes.assign(stored.begin(), stored.end());
    }
    const Kept kept = ops::non_maximum_suppression(corners_of(boxes), scores.span(), classes,
                                                   c["threshold"].get<float>());
    const auto expected = keep.span<std::int32_t>();
    CHECK(kept == Kept(expected.begin(), expected.end()));
  }
}

TEST_CASE("non_maximum_suppression of many boxes is what pairwise comparison gives") {
  Rng rng(9, Stream::kSynthetic, 0, 0);
  std::vector<Corners> boxes;
  std::vector<float> scores;
  std::vector<std::int32_t> classes;
  for (int i = 0; i < 1000; ++i) {
    const float x = rng.uniform(0.0f, 200.0f), y = rng.uniform(0.0f, 200.0f);
    boxes.push_back({x, y, x + rng.uniform(5.0f, 60.0f), y + rng.uniform(5.0f, 60.0f)});
    scores.push_back(static_cast<float>(rng.below(50)) / 50.0f);  // with ties
    classes.push_back(static_cast<std::int32_t>(rng.below(3)) - 1);
  }
  std::vector<std::int64_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return scores[at(a)] != scores[at(b)] ? scores[at(a)] > scores[at(b)] : a < b;
  });
  Kept expected;
  for (const std::int64_t i : order) {
    const bool covered = std::any_of(expected.begin(), expected.end(), [&](std::int64_t k) {
      return classes[at(k)] == classes[at(i)] && iou(boxes[at(k)], boxes[at(i)]) > 0.5;
    });
    if (!covered) expected.push_back(i);
  }
  CHECK(expected.size() < 900);
  CHECK(ops::non_maximum_suppression(boxes, scores, classes, 0.5f) == expected);
}

TEST_CASE("non_maximum_suppression refuses scores and classes that do not fit") {
  const std::vector<Corners> boxes(3);
  const std::vector<float> scores(3), few(2);
  const std::vector<std::int32_t> classes(4);
  CHECK_THROWS_AS(ops::non_maximum_suppression(boxes, few, {}, 0.5f), ShapeError);
  CHECK_THROWS_AS(ops::non_maximum_suppression(boxes, scores, classes, 0.5f), ShapeError);
}

}  // namespace
}  // namespace tessera
