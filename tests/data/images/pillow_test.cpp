// Pixels beside those that Pillow makes: scripts/make_pillow_fixtures.py wrote the files.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <string>

#include "data/augment/affine.h"
#include "data/augment/pixel_ops.h"
#include "data/images/image.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

const std::string kPillowImages = test::fixture("pillow/");
constexpr std::array<std::uint8_t, 3> kFill = {120, 60, 200};

Image photo() { return load_image(kPillowImages + "photo.png", 3); }

int largest_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  REQUIRE(a.size() == b.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::function<void(Image&)> through(const Affine& map) {
  return [map](Image& image) { image = warp(image, map, kFill); };
}

std::function<void(Image&)> turned(double degrees) {
  return [=](Image& image) { image = warp(image, rotation(image.shape, degrees), kFill); };
}

TEST_CASE("augment: colours give the same bytes as Pillow, affine maps hardly others") {
  const std::function<void(Image&)> kOps[] = {
      [](Image& image) { adjust_brightness(image, 1.7); },
      [](Image& image) { adjust_brightness(image, 0.3); },
      [](Image& image) { adjust_contrast(image, 1.9); },
      [](Image& image) { adjust_contrast(image, 0.25); },
      [](Image& image) { adjust_saturation(image, 1.8); },
      [](Image& image) { adjust_saturation(image, 0.4); },
      [](Image& image) { adjust_sharpness(image, 1.9); },
      [](Image& image) { adjust_sharpness(image, 0.1); },
      autocontrast,
      equalize,
      invert,
      [](Image& image) { posterize(image, 3); },
      [](Image& image) { solarize(image, 100); },
      [](Image& image) { solarize_add(image, 70); },
      through({1, 0.23, 0, 0, 1, 0}),
      through({1, 0, 0, -0.3, 1, 0}),
      through({1, 0, 6.4, 0, 1, 0}),
      through({1, 0, 0, 0, 1, -5.25}),
      turned(27.5),
      turned(-133.0),
  };
  constexpr std::size_t kFirstMap = 14;
  const Image expected = load_image(kPillowImages + "ops.png", 3);
  const auto size = static_cast<std::size_t>(photo().shape.numel());
  REQUIRE(expected.pixels.size() == std::size(kOps) * size);
  for (std::size_t i = 0; i < std::size(kOps); ++i) {
    CAPTURE(i);
    Image image = photo();
    kOps[i](image);
    CHECK(image.shape == photo().shape);
    // Fused multiply-adds may bring a value of a map to the other side of a whole number.
    const int allowed = i < kFirstMap ? 0 : 1;
    const auto wanted = std::span(expected.pixels).subspan(i * size, size);
    CHECK(largest_difference(image.pixels, wanted) <= allowed);
  }
}

TEST_CASE("resize: the same bytes as Pillow, bilinear and bicubic, larger and smaller") {
  for (const auto& [height, width] : {std::pair{17, 50}, {61, 23}, {7, 5}, {56, 72}}) {
    for (const bool cubic : {false, true}) {
      const std::string name =
          fmt::format("{}_{}x{}.png", cubic ? "bicubic" : "bilinear", height, width);
      CAPTURE(name);
      const Image resized = resize(photo(), height, width,
                                   cubic ? Interpolation::kBicubic : Interpolation::kBilinear);
      const Image expected = load_image(kPillowImages + name, 3);
      CHECK(resized.shape == expected.shape);
      CHECK(largest_difference(resized.pixels, expected.pixels) == 0);
    }
  }
}

}  // namespace
}  // namespace tessera
