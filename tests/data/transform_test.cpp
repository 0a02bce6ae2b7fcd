#include "data/transform.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace tessera {
namespace {

const Normalization kColour = {{0.49f, 0.48f, 0.45f}, {0.25f, 0.24f, 0.26f}};

std::vector<std::uint8_t> some_pixels(const ImageShape& shape) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>((i * i * 13 + i * 5 + 1) % 256);
  }
  return pixels;
}

Normalization normalization_for(const ImageShape& shape) {
  return shape.channels == 3 ? kColour : Normalization{{0.29f}, {0.35f}};
}

/// The plain definition: pad with zeros, crop at (dy, dx), mirror, normalise. In double.
std::vector<float> reference(const std::vector<std::uint8_t>& pixels, const ImageShape& shape,
                             const Normalization& n, std::int64_t dy, std::int64_t dx, bool flip) {
  std::vector<float> out;
  for (std::int64_t y = 0; y < shape.height; ++y) {
    for (std::int64_t x = 0; x < shape.width; ++x) {
      const std::int64_t sy = y + dy;
      const std::int64_t sx = (flip ? shape.width - 1 - x : x) + dx;
      const bool inside = sy >= 0 && sy < shape.height && sx >= 0 && sx < shape.width;
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        const auto at = static_cast<std::size_t>((sy * shape.width + sx) * shape.channels + c);
        const double pixel = inside ? pixels[at] / 255.0 : 0.0;
        const auto channel = static_cast<std::size_t>(c);
        const double mean = static_cast<double>(n.mean[channel]);
        const double std = static_cast<double>(n.std[channel]);
        out.push_back(static_cast<float>((pixel - mean) / std));
      }
    }
  }
  return out;
}

float distance(const std::vector<float>& a, const std::vector<float>& b) {
  float worst = 0.0f;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

constexpr ImageShape kShapes[] = {{32, 32, 3}, {28, 28, 1}, {5, 7, 3}, {9, 4, 1}};

TEST_CASE("transform: normalize") {
  for (const ImageShape& shape : kShapes) {
    const auto pixels = some_pixels(shape);
    const Normalization n = normalization_for(shape);
    std::vector<float> out(pixels.size());
    Transform(shape, n, {}).normalize({shape, pixels}, out.data());
    CHECK(distance(out, reference(pixels, shape, n, 0, 0, false)) < 2e-6f);
  }
}

TEST_CASE("transform: crop and flip against the plain definition, all places are reached") {
  for (const ImageShape& shape : kShapes) {
    const auto pixels = some_pixels(shape);
    const Normalization n = normalization_for(shape);
    const Transform transform(shape, n, {.crop_padding = 2, .flip = true});
    std::vector<int> places(25);
    int flips = 0;
    for (std::uint64_t sample = 0; sample < 400; ++sample) {
      Rng draws(5, Stream::kAugment, 3, sample);
      const auto dy = std::int64_t{draws.below(5)} - 2;
      const auto dx = std::int64_t{draws.below(5)} - 2;
      const bool flip = draws.below(2) == 1;
      Rng rng(5, Stream::kAugment, 3, sample);
      std::vector<float> out(pixels.size(), -99.0f);
      transform.augment({shape, pixels}, rng, out.data());
      REQUIRE(distance(out, reference(pixels, shape, n, dy, dx, flip)) < 2e-6f);
      ++places[static_cast<std::size_t>((dy + 2) * 5 + dx + 2)];
      flips += flip ? 1 : 0;
    }
    CHECK(*std::min_element(places.begin(), places.end()) > 0);
    CHECK(flips > 150);
    CHECK(flips < 250);
  }
}

TEST_CASE("transform: fit scales the shorter side and takes the middle") {
  const ImageShape shape{4, 4, 1};
  Image wide{{4, 11, 1}, {}};
  for (int i = 0; i < 44; ++i) wide.pixels.push_back(static_cast<std::uint8_t>(i));
  const Image middle = fit(wide, shape, {});
  // 7 columns are spare, 3.5 a side: to even, as Python rounds.
  CHECK(middle.pixels == std::vector<std::uint8_t>{4, 5, 6, 7, 15, 16, 17, 18,  //
                                                   26, 27, 28, 29, 37, 38, 39, 40});
  Image same{shape, some_pixels(shape)};
  CHECK(fit(same, shape, {}).pixels == same.pixels);
  const Image flat{{30, 20, 3}, std::vector<std::uint8_t>(1800, 9)};
  CHECK(
      fit(flat, {5, 12, 3}, {.interpolation = Interpolation::kBicubic, .test_crop = 0.9}).pixels ==
      std::vector<std::uint8_t>(180, 9));

  // With test_crop the middle of the scaled image: 8 x 8 brought to 8 x 8, of it the inner 4 x 4.
  Image square{{8, 8, 1}, {}};
  for (int i = 0; i < 64; ++i) square.pixels.push_back(static_cast<std::uint8_t>(i));
  CHECK(fit(square, shape, {.test_crop = 0.5}).pixels ==
        std::vector<std::uint8_t>{18, 19, 20, 21, 26, 27, 28, 29,  //
                                  34, 35, 36, 37, 42, 43, 44, 45});

  // Also of an image that has the model's size: of 4 x 4 brought to 8 x 8 the inner 4 x 4.
  const ImageShape twice{8, 8, 1};
  const Image larger = fit(same, twice, {});
  Image inner{shape, {}};
  for (std::size_t y = 2; y < 6; ++y) {
    for (std::size_t x = 2; x < 6; ++x) inner.pixels.push_back(larger.pixels[y * 8 + x]);
  }
  CHECK(fit(same, shape, {.test_crop = 0.5}).pixels == inner.pixels);
  std::vector<float> direct(16), expected(16);
  const Normalization grey{{0.5f}, {0.25f}};
  Transform(shape, grey, {}, {.test_crop = 0.5}).normalize(same, direct.data());
  Transform(shape, grey, {}).normalize(inner, expected.data());
  CHECK(direct == expected);
}

TEST_CASE("transform: an image of a single row does not ask for boundless memory") {
  const Image line{{1, 16384, 1}, std::vector<std::uint8_t>(16384, 3)};
  CHECK(fit(line, {224, 224, 1}, {}).pixels == std::vector<std::uint8_t>(224 * 224, 3));
}

TEST_CASE("transform: what testing sees of a larger image is what fit gives") {
  const ImageShape shape{6, 6, 3};
  const Image image{{9, 14, 3}, some_pixels({9, 14, 3})};
  const ResizeConfig resize{.interpolation = Interpolation::kBicubic, .test_crop = 0.8};
  std::vector<float> direct(108), fitted(108), trained(108);
  Transform(shape, kColour, {}, resize).normalize(image, direct.data());
  Transform(shape, kColour, {}).normalize(fit(image, shape, resize), fitted.data());
  CHECK(direct == fitted);
  Rng rng(0, Stream::kAugment, 0, 0);
  Transform(shape, kColour, {}, resize).augment(image, rng, trained.data());
  CHECK(trained == fitted);
}

TEST_CASE("transform: with everything off, augment is normalize") {
  const ImageShape shape{32, 32, 3};
  const auto pixels = some_pixels(shape);
  const Transform transform(shape, kColour, {});
  std::vector<float> plain(pixels.size());
  std::vector<float> augmented(pixels.size());
  transform.normalize({shape, pixels}, plain.data());
  Rng rng(0, Stream::kAugment, 0, 0);
  transform.augment({shape, pixels}, rng, augmented.data());
  CHECK(plain == augmented);
}

TEST_CASE("transform: erasing zeroes one rectangle of the paper's size") {
  const ImageShape shape{32, 40, 3};
  const auto pixels = some_pixels(shape);
  const Transform transform(shape, kColour, {.erase = 0.5});
  std::vector<float> plain(pixels.size());
  transform.normalize({shape, pixels}, plain.data());
  REQUIRE(std::find(plain.begin(), plain.end(), 0.0f) == plain.end());
  int erased = 0;
  for (std::uint64_t sample = 0; sample < 600; ++sample) {
    Rng rng(1, Stream::kAugment, 0, sample);
    std::vector<float> out(pixels.size());
    transform.augment({shape, pixels}, rng, out.data());
    bool others_untouched = true;
    std::int64_t top = shape.height, bottom = -1, left = shape.width, right = -1, zeros = 0;
    for (std::int64_t at = 0; at < shape.numel(); ++at) {
      const auto i = static_cast<std::size_t>(at);
      if (out[i] != 0.0f) {
        others_untouched = others_untouched && out[i] == plain[i];
        continue;
      }
      ++zeros;
      const std::int64_t y = at / (shape.width * shape.channels);
      const std::int64_t x = at / shape.channels % shape.width;
      top = std::min(top, y), bottom = std::max(bottom, y);
      left = std::min(left, x), right = std::max(right, x);
    }
    REQUIRE(others_untouched);
    if (zeros == 0) continue;
    ++erased;
    const std::int64_t height = bottom - top + 1;
    const std::int64_t width = right - left + 1;
    REQUIRE(zeros == height * width * shape.channels);  // a full rectangle
    const double area = static_cast<double>(height * width) / (32 * 40);
    const double aspect = static_cast<double>(height) / static_cast<double>(width);
    CHECK(area > 0.015);  // 0.02, rounded to whole pixels
    CHECK(area < 0.36);
    CHECK(aspect > 0.2);
    CHECK(aspect < 5.0);
  }
  CHECK(erased > 240);
  CHECK(erased < 360);
}

TEST_CASE("transform: configurations that cannot be") {
  const ImageShape shape{8, 8, 3};
  CHECK_THROWS_AS(Transform(shape, {{0.5f}, {0.5f}}, {}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_padding = -1}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_padding = 8}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_area = {0.0, 1.0}}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_area = {0.5, 0.3}}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_area = {0.5, 1.1}}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.crop_aspect = {2.0, 1.0}}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.erase = 1.5}), ConfigError);
  CHECK_THROWS_AS(Transform(shape, kColour, {.erase = std::nan("")}), ConfigError);
}

}  // namespace
}  // namespace tessera
