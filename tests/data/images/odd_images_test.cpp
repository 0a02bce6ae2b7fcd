// Files of every odd kind against what Pillow shows of them (scripts/make_odd_images.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

#include "data/images/image.h"
#include "files/file.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

using namespace testing;

const std::string kOddImages = test::fixture("odd_images/");

/// A line of files.tsv: see the script.
struct OddImage {
  std::string name;
  std::string refused;  ///< a part of the message; empty: it can be read
  std::int64_t height = 0;
  std::int64_t width = 0;
  int allowed = 0;
  std::size_t offset = 0;
};

std::vector<OddImage> odd_images() {
  std::ifstream file(kOddImages + "files.tsv");
  std::vector<OddImage> images;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    OddImage image;
    std::string height;
    std::getline(cells, image.name, '\t');
    std::getline(cells, height, '\t');
    if (height == "refused") {
      std::getline(cells, image.refused);
    } else {
      image.height = std::stoll(height);
      cells >> image.width >> image.allowed >> image.offset;
      REQUIRE(cells);
    }
    images.push_back(std::move(image));
  }
  return images;
}

TEST_CASE("odd images: pixels as Pillow shows them; what cannot be read is refused by its kind") {
  const Bytes expected = read_file(kOddImages + "expected.gz", std::size_t{1} << 24);
  int compared = 0, refused = 0;
  for (const OddImage& odd : odd_images()) {
    CAPTURE(odd.name);
    Image image;
    const std::string message = message_of<DataError>(
        [&] { image = decode_image(bytes_of(kOddImages + odd.name), odd.name, 3); });
    CAPTURE(message);
    if (!odd.refused.empty()) {
      ++refused;
      CHECK(contains(message, "[image] " + odd.name + ": "));
      CHECK(contains(message, odd.refused));
      continue;
    }
    CHECK(message == "nothing thrown");
    CHECK(image.shape == ImageShape{odd.height, odd.width, 3});
    if (image.shape != ImageShape{odd.height, odd.width, 3}) continue;
    int largest = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      largest = std::max(largest, std::abs(image.pixels[i] - expected[odd.offset + i]));
    }
    CHECK(largest <= odd.allowed);
    ++compared;
  }
  CHECK(compared >= 150);
  CHECK(refused >= 20);
}

TEST_CASE("odd images: grey is the lightness of what is shown in colour") {
  for (const OddImage& odd : odd_images()) {
    if (!odd.refused.empty()) continue;
    CAPTURE(odd.name);
    const Bytes bytes = bytes_of(kOddImages + odd.name);
    const Image colour = decode_image(bytes, odd.name, 3);
    const Image grey = decode_image(bytes, odd.name, 1);
    REQUIRE(grey.pixels.size() * 3 == colour.pixels.size());
    double sum = 0.0;
    for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
      const double lightness = 0.299 * colour.pixels[3 * i] + 0.587 * colour.pixels[3 * i + 1] +
                               0.114 * colour.pixels[3 * i + 2];
      sum += std::abs(lightness - grey.pixels[i]);
    }
    // The luma of a JPEG is from before its colours are cut to 0..255.
    const double allowed = odd.allowed == 0 ? 0.51 : 4.0;
    CHECK(sum / static_cast<double>(grey.pixels.size()) < allowed);
  }
}

}  // namespace
}  // namespace tessera
