#include "data/near_duplicates.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "data/class_warnings.h"
#include "data/open_dataset.h"
#include "tests/data/image_tree.h"

namespace tessera {
namespace {

using Pairs = std::vector<std::array<std::int64_t, 2>>;

/// Smooth waves that the number alone tells apart, with a little noise.
Image scene(std::uint64_t number, std::int64_t height, std::int64_t width, double brighter = 0.0,
            std::uint64_t noise = 0) {
  Rng rng(number, Stream::kSynthetic, 0, 0);
  std::array<double, 12> waves{};
  for (double& wave : waves) wave = rng.below(1000) / 1000.0;
  Rng grain(noise, Stream::kSynthetic, 1, 0);
  Image image{{height, width, 3}, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / static_cast<double>(width);
      const double v = static_cast<double>(y) / static_cast<double>(height);
      double value = 128.0 + brighter;
      for (std::size_t k = 0; k < waves.size(); k += 3) {
        value += 25.0 * std::sin(12.0 * (waves[k] * u + waves[k + 1] * v) + 6.3 * waves[k + 2]);
      }
      value += grain.below(5) - 2.0;
      image.pixels.insert(image.pixels.end(), 3,
                          static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
    }
  }
  return image;
}

TEST_CASE("near duplicates: the same scene at another size, brighter, with noise") {
  std::vector<Glance> a, b;
  for (std::uint64_t i = 0; i < 60; ++i) a.push_back(glance_at(scene(i, 90, 120)));
  b.push_back(glance_at(scene(7, 45, 60)));
  b.push_back(glance_at(scene(31, 90, 120, 3.0)));
  b.push_back(glance_at(scene(99, 90, 120)));
  b.push_back(glance_at(scene(44, 180, 240, 0.0, 5)));
  CHECK(near_duplicates(b, a) == Pairs{{0, 7}, {1, 31}, {3, 44}});
  CHECK(near_duplicates(a) == Pairs{});
  a.push_back(b[3]);
  CHECK(near_duplicates(a) == Pairs{{60, 44}});
}

TEST_CASE("near duplicates: plain and tiny images are like nothing") {
  const Image plain{{20, 20, 3}, std::vector<std::uint8_t>(1200, 90)};
  const std::vector<Glance> plains = {glance_at(plain), glance_at(plain)};
  CHECK(plains[0].is_plain);
  CHECK(near_duplicates(plains) == Pairs{});
  CHECK(glance_at(scene(1, 8, 40)).is_plain);
}

TEST_CASE("names that are nearly the same") {
  const auto alike = [](const std::vector<std::string>& names) {
    return alike_names(names).size();
  };
  CHECK(alike({"tulip", "tulips"}) == 1);
  CHECK(alike({"Golden Retriever", "golden_retriever"}) == 1);
  CHECK(alike({"box", "boxes"}) == 1);
  CHECK(alike({"berries", "berry"}) == 1);
  CHECK(alike({"sunflower", "sunfower"}) == 1);
  CHECK(alike({"dandelion", "dandeloin"}) == 1);
  CHECK(alike({"house", "mouse"}) == 0);
  CHECK(alike({"class_1", "class_11"}) == 0);
  CHECK(alike({"model 12", "model 21"}) == 0);
  CHECK(alike({"C", "C++", "sea", "seal", "1", "10"}) == 0);
  CHECK(alike(dataset_info(DatasetName::kCifar100).class_names) == 0);
}

TEST_CASE("classes: names that are alike, and one that validation lacks") {
  const testing::TempFolder folder;
  for (int i = 0; i < 4; ++i) {
    testing::write_picture(folder / fmt::format("a/tulip/{}.png", i), i);
    testing::write_picture(folder / fmt::format("a/tulips/{}.png", i), i + 4);
  }
  testing::write_picture(folder / "a/rose/1.png", 9);
  DataConfig config = testing::folder_config(folder / "a");
  config.val_split = 0.25;
  const auto training = open_dataset(config, Split::kTrain);
  const auto validation = open_dataset(config, Split::kVal);
  const std::vector<std::string> lines = class_warnings(*training, validation.get());
  REQUIRE(lines.size() == 2);
  CHECK(testing::contains(lines[0], "\"tulip\" and \"tulips\" have nearly the same name"));
  CHECK(testing::contains(lines[1], "1 class has no validation image: \"rose\""));
}

}  // namespace
}  // namespace tessera
