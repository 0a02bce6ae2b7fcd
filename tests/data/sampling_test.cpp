#include "data/sampling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/data/image_tree.h"

namespace tessera {
namespace {

const std::vector<std::int64_t> kClasses = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1};

std::int64_t shows_of(std::int64_t label, const std::vector<std::uint32_t>& order) {
  return std::ranges::count_if(order, [&](std::uint32_t i) { return kClasses[i] == label; });
}

TEST_CASE("sampling: as many of each class, in every epoch") {
  const std::vector<double> expected = expected_shows(kClasses, Sampler::kBalanced);
  CHECK(expected.front() == doctest::Approx(5.0 / 8.0));
  CHECK(expected.back() == doctest::Approx(2.5));
  std::vector<int> seen(kClasses.size(), 0);
  for (std::uint64_t epoch = 0; epoch < 40; ++epoch) {
    const std::vector<std::uint32_t> order =
        sample_by(expected, Rng(3, Stream::kShuffle, epoch, 1));
    REQUIRE(order.size() == kClasses.size());
    CHECK(std::abs(shows_of(0, order) - 5) <= 1);
    for (const std::uint32_t i : order) ++seen[i];
  }
  CHECK(std::ranges::all_of(seen, [](int times) { return times > 0; }));
}

TEST_CASE("sampling: rare classes more often by the root of what they lack") {
  const std::vector<double> expected = expected_shows(kClasses, Sampler::kRepeat);
  CHECK(expected.back() / expected.front() == doctest::Approx(std::sqrt(2.5)));
  double sum = 0.0;
  for (const double times : expected) sum += times;
  CHECK(sum == doctest::Approx(10.0));
  const std::vector<double> once = expected_shows(kClasses, Sampler::kShuffled);
  const std::vector<std::uint32_t> order = sample_by(once, Rng(3, Stream::kShuffle, 0, 1));
  for (std::uint32_t i = 0; i < 10; ++i) CHECK(order[i] == i);
}

TEST_CASE("sampling: a sample that comes again is told apart") {
  CHECK(times_before(std::vector<std::uint32_t>{4, 2, 4, 4, 2}) ==
        std::vector<std::uint32_t>{0, 0, 1, 2, 1});
}

}  // namespace
}  // namespace tessera
