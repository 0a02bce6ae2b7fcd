#include "train/lr_range.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "data/sets/synthetic.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

/// A loss that falls between 1e-4 and 1e-2 and rises behind it.
LrRange valley(double fall) {
  LrRange range;
  for (int i = 0; i <= 100; ++i) {
    const double power = -6.0 + 0.06 * i;
    const double loss = 2.0 - fall / (1.0 + std::exp(-4.0 * (power + 3.0))) +
                        2.0 / (1.0 + std::exp(-8.0 * (power + 1.0)));
    range.points.push_back({std::pow(10.0, power), loss, 0.0});
  }
  return range;
}

TEST_CASE("lr range: the suggestion lies on the slope, below the lowest loss") {
  LrRange range = valley(1.0);
  summarize(range);
  REQUIRE(range.suggestion.has_value());
  CHECK(range.lowest > 5e-3);
  CHECK(range.lowest < 5e-2);
  CHECK(*range.suggestion < range.lowest / 2.0);
  CHECK(*range.suggestion > range.lowest / 20.0);
}

TEST_CASE("lr range: nothing is suggested where the loss does not fall") {
  LrRange range = valley(0.01);
  summarize(range);
  CHECK(!range.suggestion.has_value());
  LrRange none;
  summarize(none);
  CHECK(!none.suggestion.has_value());
}

TEST_CASE("lr range: smoothing leaves a straight line as it is") {
  LrRange range;
  for (int i = 0; i < 60; ++i) range.points.push_back({1e-6 * (i + 1), 3.0 - 0.01 * i, 0.0});
  summarize(range);
  for (const LrRangePoint& point : range.points) CHECK(point.smooth == doctest::Approx(point.loss));
}

Config tiny_range() {
  Config config;
  config.model = test::tiny_config();
  config.data.name = DatasetName::kSynthetic;
  config.data.batch_size = 16;
  config.data.accumulate = 2;
  return config;
}

TEST_CASE("lr range: rates rise by one factor over more than an epoch, the same twice") {
  const std::unique_ptr<Dataset> train =
      make_shapes({.image = {16, 16, 3}, .samples = 100}, Split::kTrain);
  const LrRangeOptions options{.from = 1e-5, .to = 1e-2, .steps = 16};
  std::int64_t calls = 0;
  const LrRange range =
      test_lr_range(tiny_range(), *train, options, nullptr, [&](const LrRangePoint&) { ++calls; });
  REQUIRE(range.points.size() == 16);
  CHECK(calls == 16);
  CHECK(!range.diverged);
  for (std::size_t i = 0; i < range.points.size(); ++i) {
    CHECK(range.points[i].lr == doctest::Approx(1e-5 * std::pow(1e3, static_cast<double>(i) / 15)));
  }
  const LrRange again = test_lr_range(tiny_range(), *train, options);
  for (std::size_t i = 0; i < range.points.size(); ++i) {
    CHECK(again.points[i].loss == range.points[i].loss);
  }
}

TEST_CASE("lr range: stops where the loss diverges") {
  const std::unique_ptr<Dataset> train =
      make_shapes({.image = {16, 16, 3}, .samples = 128}, Split::kTrain);
  Config config = tiny_range();
  config.optim.name = OptimizerName::kSgd;
  const LrRange range = test_lr_range(config, *train, {.from = 1e-4, .to = 1e6, .steps = 100});
  CHECK(range.diverged);
  CHECK(range.points.size() < 90);
}

TEST_CASE("lr range: rates that cannot be meant") {
  const std::unique_ptr<Dataset> train =
      make_shapes({.image = {16, 16, 3}, .samples = 64}, Split::kTrain);
  for (const auto& [from, to] : {std::pair(0.0, 1.0), {1e-3, 1e-3}, {-1.0, 1.0}}) {
    CHECK_THROWS_AS(test_lr_range(tiny_range(), *train, {.from = from, .to = to}), ConfigError);
  }
}

}  // namespace
}  // namespace tessera
