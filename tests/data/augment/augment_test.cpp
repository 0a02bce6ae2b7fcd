#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "data/augment/crop.h"
#include "data/augment/mix.h"
#include "data/augment/pixel_ops.h"
#include "data/augment/policy.h"

namespace tessera {
namespace {

Image pattern(const ImageShape& shape) {
  Image image{shape, {}};
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i * i * 7 + i * 31) % 251));
  }
  return image;
}

void apply_policy(Image& image, const AugmentConfig& config, std::span<const std::uint8_t> fill,
                  Rng& rng) {
  for (const PolicyChange& change : draw_policy(image.shape, config, rng)) {
    apply(change, image, fill);
  }
}

Rng draws(std::uint64_t sample) { return Rng(3, Stream::kAugment, 0, sample); }

TEST_CASE("augment: hue turns colours, keeps grey, and a whole turn in steps comes back") {
  Image image{{1, 4, 3}, {255, 0, 0, 10, 200, 30, 77, 77, 77, 0, 0, 255}};
  Image third = image;
  adjust_hue(third, 1.0 / 3.0);
  CHECK(third.pixels == std::vector<std::uint8_t>{0, 255, 0, 30, 10, 200, 77, 77, 77, 255, 0, 0});
  Image half = image;
  adjust_hue(half, 0.5);
  CHECK(half.pixels ==
        std::vector<std::uint8_t>{0, 255, 255, 200, 10, 180, 77, 77, 77, 255, 255, 0});
  Image same = image;
  adjust_hue(same, 0.0);
  CHECK(same.pixels == image.pixels);
  Image grey = pattern({3, 4, 1});
  adjust_hue(grey, 0.3);
  adjust_saturation(grey, 0.3);
  CHECK(grey.pixels == pattern({3, 4, 1}).pixels);
}

TEST_CASE("augment: flipping twice, cropping and moving") {
  for (const ImageShape& shape : {ImageShape{5, 8, 3}, {4, 7, 1}, {3, 1, 3}}) {
    Image image = pattern(shape);
    flip(image);
    const Image original = pattern(shape);
    CHECK(crop(image, {0, 0, 2, 1}).pixels == crop(original, {0, shape.width - 1, 2, 1}).pixels);
    flip(image);
    CHECK(image.pixels == original.pixels);
  }
  const Image image = pattern({6, 5, 3});
  const Image moved = shifted(image, 2, -1);
  CHECK(crop(moved, {0, 1, 4, 4}).pixels == crop(image, {2, 0, 4, 4}).pixels);
  CHECK(crop(moved, {4, 0, 2, 5}).pixels == std::vector<std::uint8_t>(30, 0));
  CHECK(crop(moved, {0, 0, 6, 1}).pixels == std::vector<std::uint8_t>(18, 0));
  CHECK(shifted(image, 6, 0).pixels == std::vector<std::uint8_t>(90, 0));
}

TEST_CASE("augment: the largest box of the middle") {
  const auto is = [](const CropBox& box, CropBox expected) {
    return box.top == expected.top && box.left == expected.left && box.height == expected.height &&
           box.width == expected.width;
  };
  CHECK(is(middle_box({100, 60, 3}, 32, 32), {20, 0, 60, 60}));
  CHECK(is(middle_box({60, 101, 3}, 32, 32), {0, 20, 60, 60}));
  CHECK(is(middle_box({60, 100, 3}, 30, 50), {0, 0, 60, 100}));
  CHECK(is(middle_box({60, 100, 3}, 10, 40), {17, 0, 25, 100}));
  CHECK(is(middle_box({1, 100, 3}, 100, 1), {0, 49, 1, 1}));
}

TEST_CASE("augment: random boxes have the area and aspect asked for, and lie anywhere") {
  AugmentConfig config;
  config.crop_area = {0.2, 0.6};
  config.crop_aspect = {0.5, 2.0};
  std::set<std::int64_t> tops;
  for (std::uint64_t i = 0; i < 500; ++i) {
    Rng rng = draws(i);
    const CropBox box = random_box({80, 100, 3}, config, rng);
    REQUIRE(box.top >= 0);
    REQUIRE(box.left >= 0);
    REQUIRE(box.top + box.height <= 80);
    REQUIRE(box.left + box.width <= 100);
    const double area = static_cast<double>(box.height * box.width) / 8000.0;
    const double aspect = static_cast<double>(box.width) / static_cast<double>(box.height);
    CHECK(area > 0.19);
    CHECK(area < 0.61);
    CHECK(aspect > 0.48);
    CHECK(aspect < 2.1);
    tops.insert(box.top);
  }
  CHECK(tops.size() > 30);
  // A strip has no such box: its middle with the nearest aspect.
  Rng rng = draws(0);
  const CropBox box = random_box({4, 400, 3}, config, rng);
  CHECK(box.height == 4);
  CHECK(box.width == 8);
}

TEST_CASE("augment: every policy changes most images, stays in shape and repeats itself") {
  for (const AugmentPolicy policy : {AugmentPolicy::kRandAugment, AugmentPolicy::kTrivialAugment,
                                     AugmentPolicy::kAutoAugmentCifar}) {
    for (const ImageShape& shape : {ImageShape{32, 32, 3}, {28, 20, 1}, {2, 3, 3}}) {
      AugmentConfig config;
      config.policy = policy;
      const std::vector<std::uint8_t> fill(static_cast<std::size_t>(shape.channels), 128);
      int changed = 0;
      for (std::uint64_t i = 0; i < 200; ++i) {
        Image first = pattern(shape), second = pattern(shape);
        Rng a = draws(i), b = draws(i);
        apply_policy(first, config, fill, a);
        apply_policy(second, config, fill, b);
        REQUIRE(first.shape == shape);
        REQUIRE(first.pixels.size() == static_cast<std::size_t>(shape.numel()));
        REQUIRE(first.pixels == second.pixels);
        changed += first.pixels != pattern(shape).pixels ? 1 : 0;
      }
      CAPTURE(static_cast<int>(policy));
      CHECK(changed > 90);
      CHECK(changed < 200);
    }
  }
}

TEST_CASE("augment: rand_augment without ops or policy none leaves the image") {
  Image image = pattern({8, 8, 3});
  const std::vector<std::uint8_t> fill(3, 0);
  AugmentConfig config;
  Rng rng = draws(1);
  apply_policy(image, config, fill, rng);
  config.policy = AugmentPolicy::kRandAugment;
  config.policy_ops = 0;
  apply_policy(image, config, fill, rng);
  CHECK(image.pixels == pattern({8, 8, 3}).pixels);
}

TEST_CASE("augment: erasing by noise fills the rectangle with normal numbers") {
  const ImageShape shape{64, 64, 3};
  AugmentConfig config;
  config.erase = 1.0;
  config.erase_mode = EraseMode::kPixel;
  double sum = 0.0, squares = 0.0, count = 0.0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    std::vector<float> values(static_cast<std::size_t>(shape.numel()), 100.0f);
    Rng rng = draws(i);
    random_erase(shape, config, rng, values.data());
    for (const float value : values) {
      if (value == 100.0f) continue;
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
      ++count;
    }
  }
  CHECK(count > 50.0 * 0.02 * 64 * 64 * 3);
  CHECK(std::abs(sum / count) < 0.02);
  CHECK(std::abs(squares / count - 1.0) < 0.02);
}

}  // namespace
}  // namespace tessera
