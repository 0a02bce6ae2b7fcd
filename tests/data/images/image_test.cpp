#include "data/images/image.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/data/files.h"
#include "tests/data/images/small_jpeg.h"

namespace tessera {
namespace {

using namespace testing;

Image some_image(std::int64_t channels) {
  Image image{{5, 7, channels}, {}};
  for (std::int64_t i = 0; i < image.shape.numel(); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  }
  return image;
}

Bytes png_of(const Image& image) {
  TempFolder folder;
  write_png(folder / "image.png", image);
  return bytes_of(folder / "image.png");
}

std::string error_of(const Bytes& bytes) {
  return message_of<DataError>([&] { decode_image(bytes, "photo.png", 3); });
}

TEST_CASE("image: PNG written and read again") {
  TempFolder folder;
  for (const std::int64_t channels : {1, 3}) {
    const Image image = some_image(channels);
    write_png(folder / "image.png", image);
    const Image read = load_image(folder / "image.png", channels);
    CHECK(read.shape == image.shape);
    CHECK(read.pixels == image.pixels);
  }
  CHECK_THROWS_AS(write_png(folder / "no/such/folder.png", some_image(3)), DataError);
}

TEST_CASE("image: grey from colour and colour from grey") {
  const Image image = decode_image(png_of(some_image(1)), "grey", 3);
  for (std::size_t i = 0; i < 35; ++i) {
    CHECK(image.pixels[3 * i] == some_image(1).pixels[i]);
    CHECK(image.pixels[3 * i + 2] == some_image(1).pixels[i]);
  }
  const Image white = {{1, 1, 3}, {255, 255, 255}};
  CHECK(decode_image(png_of(white), "white", 1).pixels == Bytes{255});
  CHECK_THROWS_AS(decode_image(png_of(white), "white", 2), DataError);
}

TEST_CASE("image: JPEG") {
  const Image image = decode_image(kJpeg, "small.jpg", 3);
  REQUIRE(image.shape == ImageShape{16, 24, 3});
  const auto near = [&](std::size_t at, int r, int g, int b) {
    return std::abs(image.pixels[at] - r) < 12 && std::abs(image.pixels[at + 1] - g) < 12 &&
           std::abs(image.pixels[at + 2] - b) < 12;
  };
  CHECK(near(0, 200, 30, 40));
  CHECK(near(3 * (15 * 24 + 23), 20, 60, 210));
}

TEST_CASE("image: broken files say what is wrong") {
  CHECK(error_of({}) == "[image] photo.png: empty file");
  const std::string text = "This is not a picture, whatever its name says.\n";
  CHECK(contains(error_of(Bytes(text.begin(), text.end())),
                 "photo.png: is no image; JPEG, PNG, WebP and BMP"));
  CHECK(contains(message_of<DataError>([] { load_image("/no/such/photo.png", 3); }),
                 "/no/such/photo.png: No such file"));
  CHECK(contains(message_of<DataError>([] { load_image("/tmp", 3); }), "is a folder"));
}

TEST_CASE("image: every truncation of PNG and JPEG is an error") {
  for (const Bytes& whole : {png_of(some_image(3)), kJpeg}) {
    REQUIRE(error_of(whole) == "nothing thrown");
    // The last four bytes of a PNG are the checksum of a chunk without data.
    const std::size_t needed = whole.size() - (whole[0] == 0x89 ? 4 : 0);
    for (std::size_t size = 0; size < needed; ++size) {
      CAPTURE(size);
      CHECK(contains(error_of(Bytes(whole.begin(), whole.begin() + static_cast<int>(size))),
                     "[image] photo.png: "));
    }
  }
}

TEST_CASE("image: every changed byte of a PNG is an error") {
  const Bytes whole = png_of(some_image(3));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes broken = whole;
    broken[at] ^= 0x20;
    CAPTURE(at);
    CHECK(contains(error_of(broken), "[image] photo.png: "));
  }
}

TEST_CASE("image: a JPEG with changed bytes never crashes") {
  for (std::size_t at = 0; at < kJpeg.size(); ++at) {
    Bytes broken = kJpeg;
    broken[at] = static_cast<std::uint8_t>(broken[at] ^ 0xff);
    const std::string message = error_of(broken);
    CHECK((message == "nothing thrown" || contains(message, "[image] photo.png: ")));
  }
}

TEST_CASE("image: a header that asks for too much is refused before anything is allocated") {
  const auto header = [](std::uint32_t width, std::uint32_t height) {
    Bytes bytes = png_of(some_image(3));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[16 + i] = static_cast<std::uint8_t>(width >> (24 - 8 * i));
      bytes[20 + i] = static_cast<std::uint8_t>(height >> (24 - 8 * i));
    }
    const auto crc = crc32(0, &bytes[12], 17);
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    }
    return bytes;
  };
  CHECK(error_of(header(7, 5)) == "nothing thrown");
  CHECK(contains(error_of(header(65535, 65535)), "65535 x 65535 pixels promised, more than"));
  CHECK(contains(error_of(header(0xffffffff, 0xffffffff)), "damaged PNG: "));
  CHECK(contains(error_of(header(16385, 1)), "1 x 16385 pixels; at most 16384 a side"));
  CHECK(contains(error_of(header(0, 5)), "damaged PNG: "));
}

TEST_CASE("image: a PNG that would inflate to more than its header says is read no further") {
  Image large{{2000, 4000, 3}, {}};
  large.pixels.resize(static_cast<std::size_t>(large.shape.numel()));
  Bytes bomb = png_of(large);  // 24 MB of zeros
  REQUIRE(bomb.size() < 300'000);
  const auto set_sides = [&](std::uint8_t height, std::uint8_t width) {
    bomb[18] = bomb[22] = 0;
    bomb[19] = width;
    bomb[23] = height;
    const auto crc = crc32(0, &bomb[12], 17);
    for (std::size_t i = 0; i < 4; ++i) {
      bomb[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    }
  };
  set_sides(8, 8);
  CHECK(decode_image(bomb, "bomb", 3).shape == ImageShape{8, 8, 3});
}

}  // namespace
}  // namespace tessera
