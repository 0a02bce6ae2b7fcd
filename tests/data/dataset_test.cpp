#include "data/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "data/array_dataset.h"
#include "data/open_dataset.h"
#include "data/sets/synthetic.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;

constexpr DatasetName kAll[] = {DatasetName::kFashionMnist, DatasetName::kMnist,
                                DatasetName::kCifar10, DatasetName::kCifar100,
                                DatasetName::kSynthetic};

TEST_CASE("dataset_info: classes are distinct, statistics are one a channel") {
  for (const DatasetName name : kAll) {
    const DatasetInfo info = dataset_info(name);
    CAPTURE(info.name);
    const std::set<std::string> distinct(info.class_names.begin(), info.class_names.end());
    CHECK(static_cast<std::int64_t>(distinct.size()) == info.num_classes());
    DataConfig config;
    config.name = name;
    CHECK(normalization_of(config).mean.size() == static_cast<std::size_t>(info.image.channels));
  }
  CHECK(dataset_info(DatasetName::kCifar100).num_classes() == 100);
  const auto names = dataset_info(DatasetName::kCifar100).class_names;
  CHECK(std::is_sorted(names.begin(), names.end()));
}

TEST_CASE("normalization_of: configured values win and must fit") {
  DataConfig config;
  config.name = DatasetName::kCifar10;
  config.mean = {0.1f, 0.2f, 0.3f};
  CHECK(normalization_of(config).mean == config.mean);
  CHECK(normalization_of(config).std == dataset_info(config.name).normalization.std);
  config.std = {1.0f, 1.0f};
  CHECK_THROWS_AS(normalization_of(config), ConfigError);
  config.std = {1.0f, 0.0f, 1.0f};
  CHECK_THROWS_AS(normalization_of(config), ConfigError);
}

TEST_CASE("ArrayDataset: sizes and labels are checked") {
  DatasetInfo info = dataset_info(DatasetName::kMnist);
  const std::size_t image = 28 * 28;
  CHECK_NOTHROW(ArrayDataset(info, Bytes(2 * image), {0, 9}));
  CHECK_THROWS_AS(ArrayDataset(info, Bytes(2 * image - 1), {0, 9}), DataError);
  CHECK_THROWS_AS(ArrayDataset(info, Bytes(2 * image), {0, 10}), DataError);
}

TEST_CASE("synthetic: same options same images, splits differ, classes are balanced") {
  const auto a = make_shapes({.samples = 40}, Split::kTrain);
  const auto b = make_shapes({.samples = 48}, Split::kTrain);
  const auto test = make_shapes({.samples = 40}, Split::kTest);
  const auto other_seed = make_shapes({.samples = 40, .seed = 1}, Split::kTrain);
  const auto same = [&](const ArrayDataset& x, const ArrayDataset& y, std::int64_t i) {
    const auto p = x.pixels(i);
    const auto q = y.pixels(i);
    return std::equal(p.begin(), p.end(), q.begin(), q.end());
  };
  for (std::int64_t i = 0; i < 40; ++i) {
    CHECK(same(*a, *b, i));
    CHECK_FALSE(same(*a, *test, i));
    CHECK_FALSE(same(*a, *other_seed, i));
    CHECK(a->label(i) == i % 4);
  }
  DataConfig config;
  config.name = DatasetName::kSynthetic;
  config.train_samples = 5000;
  CHECK(open_dataset(config, Split::kTrain)->size() == 5000);
  CHECK(open_dataset(config, Split::kTest)->size() == 1024);
}

TEST_CASE("synthetic: figures cover the share of the image that their form says") {
  // Averaged over many, the two-coloured area tells the classes apart: a square of half side
  // 0.85 r covers 2.89 r^2, a circle 3.14 r^2, a triangle 1.62 r^2, a cross 2.04 r^2.
  const auto dataset = make_shapes({.image = {24, 20, 1}, .samples = 400}, Split::kTrain);
  double area[4] = {};
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    const auto pixels = dataset->pixels(i);
    const bool bright_corner = pixels[0] > 127;
    const auto covered = std::count_if(pixels.begin(), pixels.end(), [&](std::uint8_t value) {
      return (value > 127) != bright_corner;
    });
    area[dataset->label(i)] += static_cast<double>(covered);
  }
  CHECK(area[1] / area[0] == doctest::Approx(2.89 / 3.14).epsilon(0.1));
  CHECK(area[2] / area[0] == doctest::Approx(1.62 / 3.14).epsilon(0.1));
  CHECK(area[3] / area[0] == doctest::Approx(2.04 / 3.14).epsilon(0.1));
  CHECK_THROWS_AS(make_shapes({.image = {4, 32, 3}}, Split::kTrain), DataError);
  CHECK_THROWS_AS(make_shapes({.image = {32, 32, 2}}, Split::kTrain), DataError);
}

}  // namespace
}  // namespace tessera
