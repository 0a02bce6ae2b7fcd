#include "report/probes/attention_picture.h"

#include <doctest/doctest.h>

#include "data/images/canvas.h"

namespace tessera {
namespace {

Color at(const Image& image, std::int64_t y, std::int64_t x) {
  const std::uint8_t* pixel = image.pixels.data() + (y * image.shape.width + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

bool is_grey(Color color) { return color[0] == color[1] && color[1] == color[2]; }

Image white(std::int64_t height, std::int64_t width) {
  return Canvas(height, width, {255, 255, 255}).image();
}

/// One head that looks at one token of `height` x `width`, of 4 x 2 pixels each.
AttentionMap spot(std::int64_t height, std::int64_t width, std::int64_t token) {
  AttentionMap map{.heads = Tensor::zeros({1, height, width}), .cell = {4, 2}, .query = {}};
  map.heads.f32()[token] = 0.5f;
  return map;
}

TEST_CASE("a map's value lies over the pixels of its token, whatever the size of the photo") {
  const AttentionMap map = spot(2, 3, 4);  // row 1, column 1: pixels y 4..7, x 2..3 of 8 x 6
  for (const std::int64_t scale : {1, 3, 10}) {
    CAPTURE(scale);
    const Image image = overlay_attention(white(8 * scale, 6 * scale), map, map.mean(), {8, 6});
    const Color hot = at(image, 5 * scale, 3 * scale), cold = at(image, 0, 0);
    CHECK(hot != cold);
    for (std::int64_t y = 0; y < 8 * scale; ++y) {
      for (std::int64_t x = 0; x < 6 * scale; ++x) {
        const bool inside = y >= 4 * scale && x >= 2 * scale && x < 4 * scale;
        REQUIRE(at(image, y, x) == (inside ? hot : cold));
      }
    }
  }
}

TEST_CASE("pixels that no patch covers stay grey, tokens beyond the image are cut off") {
  // 11 x 5 pixels hold 2 x 2 patches; the next stage's single row of tokens reaches beyond.
  const AttentionMap map = spot(2, 2, 0);
  const Image image = overlay_attention(white(11, 5), map, map.mean(), {11, 5});
  CHECK_FALSE(is_grey(at(image, 7, 3)));
  CHECK(is_grey(at(image, 8, 3)));
  CHECK(is_grey(at(image, 7, 4)));
  AttentionMap coarse = spot(1, 1, 0);
  coarse.cell = {16, 8};
  CHECK_FALSE(is_grey(at(overlay_attention(white(11, 5), coarse, coarse.mean(), {11, 5}), 10, 4)));
}

TEST_CASE("a frame marks the token that pays") {
  AttentionMap map = spot(2, 3, 4);
  const Image plain = overlay_attention(white(80, 60), map, map.mean(), {8, 6});
  map.query = Size2{0, 2};  // y 0..39, x 40..59 of 80 x 60
  const Image framed = overlay_attention(white(80, 60), map, map.mean(), {8, 6});
  CHECK(at(framed, 20, 40) != at(plain, 20, 40));
  CHECK(at(framed, 39, 50) != at(plain, 39, 50));
  CHECK(at(framed, 20, 50) == at(plain, 20, 50));
  CHECK(at(framed, 60, 50) == at(plain, 60, 50));
}

TEST_CASE("attention that is zero everywhere has a picture") {
  AttentionMap map = spot(2, 2, 0);
  map.heads.fill(0.0f);
  CHECK(overlay_attention(white(8, 4), map, map.mean(), {8, 4}).shape == ImageShape{8, 4, 3});
}

TEST_CASE("the whole picture grows with blocks, heads and text") {
  std::vector<AttentionMap> maps{spot(2, 3, 0), spot(2, 3, 5)};
  maps[1].block = 1;
  const auto shape = [&](bool heads, const std::vector<std::string>& lines) {
    return attention_picture(white(8, 6), maps,
                             {.lines = lines, .image_size = {8, 6}, .heads = heads})
        .shape;
  };
  const ImageShape one_row = shape(false, {"a"}), two_rows = shape(true, {"a"});
  CHECK(two_rows.height > one_row.height + 192);
  CHECK(shape(false, {std::string(200, 'w')}).width > one_row.width);
  for (std::int64_t block = 2; block < 7; ++block) {
    maps.push_back(spot(2, 3, 0));
    maps.back().block = block;
  }
  const ImageShape seven = shape(false, {"a"});  // six in a line
  CHECK(seven.width > one_row.width);
  CHECK(seven.height > one_row.height + 192);
  CHECK(seven.height < two_rows.height);
  // A wide photo of a few pixels and a large one are drawn, too.
  CHECK(attention_picture(white(1, 2000), maps, {.lines = {}, .image_size = {8, 6}}).shape.width >
        200);
}

}  // namespace
}  // namespace tessera
