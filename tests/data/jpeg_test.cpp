#include "data/jpeg.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/data/small_jpeg.h"

namespace tessera {
namespace {

using namespace testing;

/// kJpeg with `segment` right behind its start marker.
Bytes with_segment(const Bytes& segment) {
  Bytes bytes = kJpeg;
  bytes.insert(bytes.begin() + 2, segment.begin(), segment.end());
  return bytes;
}

Bytes exif(bool little, std::uint8_t orientation) {
  Bytes segment = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
  const Bytes tiff = little ? Bytes{'I', 'I', 42, 0, 8, 0,           0, 0, 1, 0, 0x12, 1, 3,
                                    0,   1,   0,  0, 0, orientation, 0, 0, 0, 0, 0,    0, 0}
                            : Bytes{'M', 'M', 0, 42, 0, 0, 0,           8, 0, 1, 1, 0x12, 0,
                                    3,   0,   0, 0,  1, 0, orientation, 0, 0, 0, 0, 0,    0};
  segment.insert(segment.end(), tiff.begin(), tiff.end());
  return segment;
}

TEST_CASE("jpeg: the orientation is found in either byte order") {
  CHECK(scan_jpeg(kJpeg, "") == 1);
  for (const bool little : {false, true}) {
    for (std::uint8_t orientation = 1; orientation <= 8; ++orientation) {
      CHECK(scan_jpeg(with_segment(exif(little, orientation)), "") == orientation);
    }
    CHECK(scan_jpeg(with_segment(exif(little, 9)), "") == 1);
  }
}

TEST_CASE("jpeg: a photo held sideways is turned upright") {
  const Image image = decode_image(with_segment(exif(false, 6)), "sideways", 3);
  REQUIRE(image.shape == ImageShape{24, 16, 3});
  CHECK(image.pixels.front() > 180);  // the red left half is now on top
  CHECK(image.pixels.back() > 190);
  CHECK(image.pixels[3 * 15] > 180);
}

TEST_CASE("jpeg: an EXIF block with wild offsets is read as upright or refused, never beyond") {
  const Bytes whole = with_segment(exif(true, 3));
  for (std::size_t at = 4; at < 36; ++at) {
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0x7f}, std::uint8_t{0xff}}) {
      Bytes broken = whole;
      broken[at] = value;
      int orientation = 1;
      message_of<DataError>([&] { orientation = scan_jpeg(broken, "wild"); });
      CHECK((orientation >= 1 && orientation <= 8));
    }
  }
}

TEST_CASE("jpeg: upright as Pillow's exif_transpose") {
  const Image image = {{2, 3, 1}, {1, 2, 3, 4, 5, 6}};
  const Bytes expected[] = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                            {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                            {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image turned = upright(image, orientation);
    CHECK(turned.pixels == expected[orientation - 1]);
    CHECK(turned.shape.height == (orientation >= 5 ? 3 : 2));
  }
}

TEST_CASE("jpeg: a Huffman table of more than 256 codes is refused") {
  Bytes table = {0xff, 0xc4, 0, 19, 0};
  table.resize(5 + 16);
  CHECK(scan_jpeg(with_segment(table), "") == 1);  // empty but possible
  table[5 + 8] = 200;
  table[5 + 9] = 57;
  table.resize(5 + 16 + 257);
  table[2] = 1;
  table[3] = 20;
  CHECK(contains(message_of<DataError>([&] { decode_image(with_segment(table), "photo.jpg", 3); }),
                 "photo.jpg: damaged JPEG, impossible Huffman table at byte 2"));
}

}  // namespace
}  // namespace tessera
