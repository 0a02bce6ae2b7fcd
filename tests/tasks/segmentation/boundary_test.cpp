#include "tasks/segmentation/boundary.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "core/rng.h"

namespace tessera {
namespace {

using Map = std::vector<std::uint8_t>;

/// Two classes parted by a vertical line in front of `column`.
Map halves(std::int64_t height, std::int64_t width, std::int64_t column) {
  Map map;
  for (std::int64_t i = 0; i < height * width; ++i) map.push_back(i % width < column ? 0 : 1);
  return map;
}

/// Whether a pixel that counts has another class among those that count within 3 rows and columns.
bool near_border(const Map& map, const Map& truth, std::int64_t height, std::int64_t width,
                 std::int64_t at) {
  for (std::int64_t other = 0; other < height * width; ++other) {
    const auto place = static_cast<std::size_t>(other);
    if (std::abs(other / width - at / width) > 3 || std::abs(other % width - at % width) > 3) {
      continue;
    }
    if (truth[place] != 255 && map[place] != map[static_cast<std::size_t>(at)]) return true;
  }
  return false;
}

TEST_CASE("boundary: a border that is one pixel off, by hand") {
  BoundaryScore score(3);
  score.add(halves(10, 40, 20), halves(10, 40, 21), 10, 40);
  // Of class 0 truth has columns 17 to 19 near the border, the prediction 18 to 20: 2 of 4.
  CHECK(score.iou(0) == 0.5);
  CHECK(score.iou(1) == 0.5);
  CHECK(std::isnan(score.iou(2)));
  CHECK(score.mean_iou() == 0.5);
}

TEST_CASE("boundary: what is right is 1, and the edge of the image is no border") {
  BoundaryScore score(2);
  score.add(halves(5, 9, 4), halves(5, 9, 4), 5, 9);
  CHECK(score.mean_iou() == 1.0);
  BoundaryScore plain(2);
  plain.add(halves(5, 9, 9), halves(5, 9, 9), 5, 9);
  CHECK(std::isnan(plain.mean_iou()));
}

TEST_CASE("boundary agrees with its definition on random maps, in parts that are merged") {
  constexpr std::int64_t kHeight = 13, kWidth = 17, kClasses = 4;
  Rng rng(3, Stream::kSynthetic, 0, 0);
  std::vector<double> both(kClasses), either(kClasses);
  BoundaryScore all(kClasses), rest(kClasses);
  for (int image = 0; image < 4; ++image) {
    Map truth(kHeight * kWidth, 0), prediction(truth);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      // Blocks, so that some pixels are far from a border.
      const std::size_t block = i / (8 * kWidth) * 2 + i % kWidth / 9;
      truth[i] = static_cast<std::uint8_t>(block % 3);
      if (rng.below(60) == 0) truth[i] = 3;
      prediction[i] = rng.below(20) == 0 ? static_cast<std::uint8_t>(rng.below(4)) : truth[i];
      if (rng.below(15) == 0) truth[i] = 255;
    }
    (image % 2 == 0 ? all : rest).add(truth, prediction, kHeight, kWidth);
    for (std::int64_t at = 0; at < kHeight * kWidth; ++at) {
      const auto i = static_cast<std::size_t>(at);
      if (truth[i] == 255) continue;
      for (std::size_t k = 0; k < kClasses; ++k) {
        const bool in_truth = truth[i] == k && near_border(truth, truth, kHeight, kWidth, at);
        const bool in_prediction =
            prediction[i] == k && near_border(prediction, truth, kHeight, kWidth, at);
        both[k] += in_truth && in_prediction ? 1.0 : 0.0;
        either[k] += in_truth || in_prediction ? 1.0 : 0.0;
      }
    }
  }
  all.merge(rest);
  for (std::size_t k = 0; k < kClasses; ++k) {
    CHECK(all.iou(static_cast<std::int64_t>(k)) == doctest::Approx(both[k] / either[k]));
  }
}

TEST_CASE("boundary: sizes and values that do not fit are refused") {
  BoundaryScore score(2);
  CHECK_THROWS_AS(score.add(Map(6), Map(6), 2, 4), ShapeError);
  CHECK_THROWS_AS(score.add(Map(6, 0), Map(6, 2), 2, 3), DataError);
  CHECK_THROWS_AS(score.merge(BoundaryScore(3)), ShapeError);
}

}  // namespace
}  // namespace tessera
