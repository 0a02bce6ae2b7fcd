#include <doctest/doctest.h>

#include "core/error.h"
#include "data/images/image.h"

namespace tessera {
namespace {

Image pattern(const ImageShape& shape) {
  Image image{shape, {}};
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i * i * 7 + i * 31) % 251));
  }
  return image;
}

struct Case {
  ImageShape shape;
  std::int64_t height;
  std::int64_t width;
  std::vector<std::uint8_t> expected;  ///< Pillow's resize(..., BILINEAR)
};

TEST_CASE("resize: the same bytes as Pillow") {
  const Case cases[] = {
      {{5, 7, 3}, 3, 4, {98,  109, 88,  150, 93,  115, 117, 88,  112, 74,  109, 159,
                         89,  141, 115, 102, 101, 148, 169, 134, 147, 163, 157, 161,
                         120, 158, 191, 97,  85,  127, 137, 99,  197, 166, 137, 145}},
      {{4, 3, 1}, 9, 7, {0,   5,   22,  38,  60,  83,  90,  26,  32,  52,  71,  78,  86,
                         88,  95,  104, 132, 159, 127, 94,  83,  158, 167, 197, 226, 166,
                         105, 85,  172, 168, 158, 147, 143, 138, 137, 185, 169, 118, 68,
                         119, 171, 188, 150, 135, 86,  38,  103, 169, 190, 109, 96,  55,
                         15,  88,  162, 186, 93,  81,  43,  6,   82,  159, 184}},
      {{33, 50, 1}, 2, 3, {134, 124, 137, 137, 123, 136}},
      {{2, 9, 3}, 2, 4, {104, 127, 106, 128, 54,  146, 77, 62,  85,  112, 92,  101,
                         171, 120, 83,  121, 155, 197, 62, 174, 146, 99,  114, 199}},
  };
  for (const Case& c : cases) {
    const Image resized = resize(pattern(c.shape), c.height, c.width);
    CHECK(resized.shape == ImageShape{c.height, c.width, c.shape.channels});
    CHECK(resized.pixels == c.expected);
  }
}

TEST_CASE("resize: a flat image stays flat, the same size stays the same") {
  const Image flat{{17, 23, 3}, std::vector<std::uint8_t>(17 * 23 * 3, 255)};
  for (const auto& [height, width] : {std::pair{5, 6}, {40, 3}, {64, 64}, {1, 1}}) {
    const Image resized = resize(flat, height, width);
    CHECK(resized.pixels == std::vector<std::uint8_t>(resized.pixels.size(), 255));
    CHECK(resized.pixels.size() == static_cast<std::size_t>(height * width * 3));
  }
  CHECK(resize(pattern({6, 5, 3}), 6, 5).pixels == pattern({6, 5, 3}).pixels);
  CHECK_THROWS_AS(resize(flat, 0, 5), DataError);
}

}  // namespace
}  // namespace tessera
