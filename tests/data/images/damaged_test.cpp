// Files with something wrong in their headers, and EXIF blocks.
#include <doctest/doctest.h>

#include <algorithm>

#include "data/images/decoders.h"
#include "data/images/image.h"
#include "data/images/image_format.h"
#include "tests/data/images/small_jpeg.h"

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

int orientation_of(const Bytes& bytes) {
  return decode_jpeg({.bytes = bytes, .name = "wild", .at_least = {}}).orientation;
}

TEST_CASE("jpeg: the orientation is found in either byte order") {
  CHECK(orientation_of(kJpeg) == 1);
  for (const bool little : {false, true}) {
    for (std::uint8_t orientation = 1; orientation <= 8; ++orientation) {
      CHECK(orientation_of(with_segment(exif(little, orientation))) == orientation);
    }
    CHECK(orientation_of(with_segment(exif(little, 9))) == 1);
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
      message_of<DataError>([&] { orientation = orientation_of(broken); });
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
  Bytes table = {0xff, 0xc4, 1, 20, 0};
  table.resize(5 + 16);
  table[5 + 8] = 200;
  table[5 + 9] = 57;
  table.resize(5 + 16 + 257);
  CHECK(contains(message_of<DataError>([&] { decode_image(with_segment(table), "photo.jpg", 3); }),
                 "photo.jpg: damaged JPEG: "));
}

/// kJpeg whose frame says other sides.
Bytes resized(std::uint16_t height, std::uint16_t width) {
  Bytes bytes = kJpeg;
  const Bytes frame = {0xff, 0xc0};
  const auto at = std::search(bytes.begin(), bytes.end(), frame.begin(), frame.end()) + 5;
  at[0] = static_cast<std::uint8_t>(height >> 8);
  at[1] = static_cast<std::uint8_t>(height);
  at[2] = static_cast<std::uint8_t>(width >> 8);
  at[3] = static_cast<std::uint8_t>(width);
  return bytes;
}

std::string header_error(const Bytes& bytes) {
  return message_of<DataError>([&] { decode_image(bytes, "photo.jpg", 3); });
}

TEST_CASE("jpeg: sizes must be ones that the file can hold") {
  CHECK(contains(header_error(resized(65500, 65500)),
                 "photo.jpg: 65500 x 65500 pixels promised, more than"));
  CHECK(contains(header_error(resized(0, 16)), "damaged JPEG: Empty JPEG image"));
}

TEST_CASE("jpeg: no picture, two frames, and scans without end are refused") {
  CHECK(contains(header_error({0xff, 0xd8, 0xff, 0xd9}), "no picture"));
  CHECK(contains(header_error(with_segment(
                     {0xff, 0xc0, 0, 17, 8, 0, 16, 0, 16, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0})),
                 "damaged JPEG: "));
  // One block of grey, its coefficients one by one and bit by bit: all of them 0.
  Bytes scans = {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0};
  scans.resize(scans.size() + 64, 1);
  scans.insert(scans.end(), {0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0});
  for (const std::uint8_t kind :
       {std::uint8_t{0x00}, std::uint8_t{0x10}}) {  // a code for the symbol 0
    scans.insert(scans.end(), {0xff, 0xc4, 0, 20, kind, 1});
    scans.resize(scans.size() + 16, 0);
  }
  scans.insert(scans.end(), {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x7f});
  for (std::uint8_t k = 1; k < 64; ++k) {
    for (int bit = 13; bit >= 0; --bit) {
      const auto bits = static_cast<std::uint8_t>((bit == 13 ? bit : (bit + 1) << 4 | bit));
      scans.insert(scans.end(), {0xff, 0xda, 0, 8, 1, 1, 0, k, k, bits, 0x7f});
    }
  }
  scans.insert(scans.end(), {0xff, 0xd9});
  CAPTURE(header_error(scans));
  CHECK(contains(header_error(scans), "more than 500 scans"));
}

TEST_CASE("jpeg: what the library only warns of is damage: bytes too many, and too few") {
  Bytes longer = kJpeg, shorter = kJpeg;
  longer.insert(longer.end() - 2, 40, 0x55);
  CAPTURE(header_error(longer));  // some of them are in its buffer of bits
  CHECK(header_error(longer).starts_with("[image] photo.jpg: damaged JPEG: "));
  CHECK(contains(header_error(longer), " extraneous bytes before marker 0xd9"));
  shorter.erase(shorter.end() - 22, shorter.end() - 2);
  CHECK(contains(header_error(shorter), "photo.jpg: damaged JPEG: premature end of data segment"));
  CHECK(header_error(kJpeg) == "nothing thrown");
}

TEST_CASE("jpeg: a scan by a Huffman table that is not there is damage") {
  const Bytes segment = {0xff, 0xc4};
  int refused = 0;
  for (auto at = kJpeg.begin();
       (at = std::search(at, kJpeg.end(), segment.begin(), segment.end())) != kJpeg.end(); ++at) {
    Bytes bytes = kJpeg;
    bytes[static_cast<std::size_t>(at - kJpeg.begin()) + 1] = 0xfe;  // now a comment
    CHECK(contains(header_error(bytes), "damaged JPEG: bad Huffman code"));
    ++refused;
  }
  CHECK(refused == 4);
}

TEST_CASE("bmp: every truncation is an error, whatever its header says") {
  Bytes bmp = {'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,  40,
               0,   0,   0, 3, 0, 0, 0, 2, 0, 0, 0,  1, 0, 24, 0};
  bmp.resize(54 + 2 * 12);
  bmp[54] = 255;
  const Image image = decode_image(bmp, "small.bmp", 3);
  CHECK(image.shape == ImageShape{2, 3, 3});
  CHECK(image.pixels[9 + 2] == 255);          // the lower row is first
  const std::size_t needed = bmp.size() - 3;  // the last row may go without its padding
  for (std::size_t size = 2; size < needed; ++size) {
    CAPTURE(size);
    CHECK(contains(header_error(Bytes(bmp.begin(), bmp.begin() + static_cast<int>(size))),
                   "truncated BMP"));
  }
  bmp[18 + 3] = 0x3f;
  CHECK(contains(header_error(bmp), "at most 16384 a side"));
}

TEST_CASE("image header: other formats are called by their names") {
  const auto error = [](const std::string& text) {
    return header_error(Bytes(text.begin(), text.end()));
  };
  CHECK(contains(error("GIF89a, as it says"),
                 "photo.jpg: is a GIF; JPEG, PNG, WebP and BMP are read"));
  CHECK(contains(error("RIFF1234WEBPVP8 "), "truncated WebP"));
  CHECK(contains(error("<html>404</html>"), "is a web page"));
  CHECK(contains(error(std::string(64, '\0')), "is all zero bytes"));
  CHECK(contains(error("words"), "is no image"));
}

}  // namespace
}  // namespace tessera
