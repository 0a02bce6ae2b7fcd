#include "data/images/canvas.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

constexpr Color kBlack{0, 0, 0};
constexpr Color kWhite{255, 255, 255};

Color at(const Image& image, std::int64_t y, std::int64_t x) {
  const std::uint8_t* pixel = image.pixels.data() + (y * image.shape.width + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

std::int64_t count(const Image& image, Color color) {
  std::int64_t n = 0;
  for (std::int64_t y = 0; y < image.shape.height; ++y) {
    for (std::int64_t x = 0; x < image.shape.width; ++x) n += at(image, y, x) == color;
  }
  return n;
}

/// CIELAB L* of an sRGB colour.
double lightness(Color color) {
  constexpr std::array<double, 3> kLuminance{0.2126, 0.7152, 0.0722};
  double y = 0.0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double v = color[c] / 255.0;
    y += kLuminance[c] * (v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
  }
  return y > 0.008856 ? 116.0 * std::cbrt(y) - 16.0 : 903.3 * y;
}

TEST_CASE("heat colours rise in even steps of lightness") {
  for (int i = 0; i <= 64; ++i) {
    const float share = static_cast<float>(i) / 64.0f;
    CAPTURE(share);
    CHECK(std::abs(lightness(heat_color(share)) - (3.0 + 93.0 * double{share})) < 2.5);
  }
  CHECK(heat_color(-1.0f) == heat_color(0.0f));
  CHECK(heat_color(2.0f) == heat_color(1.0f));
}

TEST_CASE("rectangles and images are cut off at the edges") {
  Canvas canvas(4, 5, kWhite);
  canvas.fill(-2, -1, 3, 3, kBlack);  // one row, two columns remain
  CHECK(count(canvas.image(), kBlack) == 2);
  canvas.fill(3, 4, 100, 100, kBlack);
  CHECK(at(canvas.image(), 3, 4) == kBlack);
  canvas.fill(9, 9, 2, 2, kBlack);
  CHECK(count(canvas.image(), kBlack) == 3);

  Canvas red(2, 2, {255, 0, 0});
  canvas.draw(3, 0, red.image());
  CHECK(count(canvas.image(), {255, 0, 0}) == 2);
}

TEST_CASE("an outline is as thick as said, inwards") {
  Canvas canvas(8, 8, kWhite);
  canvas.outline(1, 1, 6, 6, 2, kBlack);
  CHECK(count(canvas.image(), kBlack) == 36 - 4);
  CHECK(at(canvas.image(), 3, 3) == kWhite);
  CHECK(at(canvas.image(), 0, 0) == kWhite);
}

TEST_CASE("text stays within its height and width; any bytes can be written") {
  const std::string line = "gyjQ 0123 (max)";
  const std::int64_t width = Canvas::text_width(line);
  Canvas canvas(Canvas::kTextHeight + 20, width + 20, kWhite);
  canvas.text(10, 10, line, kBlack);
  CHECK(count(canvas.image(), kBlack) > 20);  // strokes; their edges are softer
  canvas.fill(10, 10, Canvas::kTextHeight, width, kWhite);
  CHECK(count(canvas.image(), kWhite) == canvas.image().shape.height * canvas.image().shape.width);

  const auto ink_of = [](std::string_view text) {
    Canvas page(40, 200, kWhite);
    page.text(10, 10, text, kBlack);
    return 40 * 200 - count(page.image(), kWhite);
  };
  CHECK(ink_of("\n\x01\xc3\xff\xe4\xb8\xad") == ink_of("?????"));
  CHECK(ink_of("\xc3\xbc") > ink_of("u"));  // two dots more
  CHECK(Canvas::text_width("Grün → Łódź") > Canvas::text_width("Grun - Lodz") - 8);
  CHECK(ink_of("") == 0);
}

}  // namespace
}  // namespace tessera
