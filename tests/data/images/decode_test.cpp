// Photos of many formats against what Pillow shows of them (scripts/make_image_fixtures.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "data/images/image.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

using namespace testing;

const std::string kDecodeImages = test::fixture("images/");

struct Difference {
  int largest = 0;
  double mean = 0.0;
};

Difference difference(const Image& a, const Image& b) {
  REQUIRE(a.shape == b.shape);
  Difference found;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int step = std::abs(int{a.pixels[i]} - int{b.pixels[i]});
    found.largest = std::max(found.largest, step);
    found.mean += step;
  }
  found.mean /= static_cast<double>(a.pixels.size());
  return found;
}

Image expected_of(const std::string& name) {
  return load_image(kDecodeImages + name + ".expected.png", 3);
}

const std::vector<std::string> kJpegs = {"jpeg_444",         "jpeg_422",      "jpeg_420",
                                         "jpeg_progressive", "jpeg_grey",     "jpeg_restart",
                                         "jpeg_turned",      "jpeg_mirrored", "jpeg_cmyk"};

TEST_CASE("decode: PNG and BMP as Pillow shows them, bit for bit") {
  for (const std::string name :
       {"png_rgb.png", "png_rgba.png", "png_grey.png", "png_grey_alpha.png", "png_bits.png",
        "png_palette.png", "png_palette_clear.png", "png_colour_key.png", "png_turned.png",
        "png_16_grey.png", "png_16_rgb.png", "png_16_rgba.png", "bmp_rgb.bmp", "bmp_palette.bmp",
        "bmp_grey.bmp"}) {
    CAPTURE(name);
    const Image expected = expected_of(name.substr(0, name.find('.')));
    CHECK(difference(load_image(kDecodeImages + name, 3), expected).largest == 0);
  }
}

TEST_CASE("decode: JPEG as Pillow shows it, within one level") {
  for (const std::string& name : kJpegs) {
    CAPTURE(name);
    CHECK(difference(load_image(kDecodeImages + name + ".jpg", 3), expected_of(name)).largest <= 1);
  }
}

TEST_CASE("decode: one channel is the lightness of three") {
  for (const std::string file : {"jpeg_420.jpg", "jpeg_grey.jpg", "png_rgba.png", "bmp_rgb.bmp"}) {
    CAPTURE(file);
    const Image colour = load_image(kDecodeImages + file, 3);
    const Image grey = load_image(kDecodeImages + file, 1);
    REQUIRE(grey.shape == ImageShape{colour.shape.height, colour.shape.width, 1});
    double sum = 0.0;
    for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
      const double lightness = 0.299 * colour.pixels[3 * i] + 0.587 * colour.pixels[3 * i + 1] +
                               0.114 * colour.pixels[3 * i + 2];
      sum += std::abs(lightness - grey.pixels[i]);
    }
    CHECK(sum / static_cast<double>(grey.pixels.size()) < 1.0);
  }
}

TEST_CASE("decode: a JPEG may come smaller, never smaller than asked for, and looks the same") {
  const Image full = load_image(kDecodeImages + "jpeg_large.jpg", 3);
  REQUIRE(full.shape == ImageShape{208, 152, 3});  // stored as 152 x 208
  for (const ImageSize asked : {ImageSize{208, 152}, ImageSize{104, 76}, ImageSize{104, 77},
                                ImageSize{30, 30}, ImageSize{26, 19}, ImageSize{1, 1}}) {
    CAPTURE(asked.height);
    const Image image = load_image(kDecodeImages + "jpeg_large.jpg", 3, asked);
    CHECK(image.shape.height >= asked.height);
    CHECK(image.shape.width >= asked.width);
    const Image reduced = resize(full, image.shape.height, image.shape.width);
    CHECK(difference(image, reduced).mean < 3.0);
  }
  const Bytes bytes = bytes_of(kDecodeImages + "jpeg_large.jpg");
  const auto height = [&](const ImageSize& asked) {
    return decode_image(bytes, "large", 3, asked).shape.height;
  };
  CHECK(height({}) == 208);
  CHECK(height({105, 1}) == 208);
  CHECK(height({104, 76}) == 104);
  CHECK(height({1, 77}) == 208);
  CHECK(height({52, 38}) == 52);
  CHECK(height({1, 1}) == 26);
}

TEST_CASE("decode: threads do not disturb each other") {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  const Image expected = load_image(kDecodeImages + "jpeg_420.jpg", 3);
  for (int& count : wrong) {
    threads.emplace_back([&count, &expected] {
      for (int i = 0; i < 50; ++i) {
        count += load_image(kDecodeImages + "jpeg_420.jpg", 3).pixels == expected.pixels ? 0 : 1;
        try {
          decode_image(Bytes(100, 0), "zeros", 3);
          ++count;
        } catch (const DataError&) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
}

}  // namespace
}  // namespace tessera
