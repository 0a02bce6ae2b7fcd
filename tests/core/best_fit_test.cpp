#include "core/best_fit.h"

#include <doctest/doctest.h>

#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "core/rng.h"

namespace tessera {
namespace {

TEST_CASE("what one block leaves, blocks of other sizes take") {
  BestFit range(16);
  CHECK(range.acquire(4) == 0u);
  CHECK(range.acquire(4) == 4u);
  CHECK(range.acquire(2) == 8u);
  CHECK(range.touched() == 10);
  range.release(0, 4);
  range.release(4, 4);
  CHECK(range.acquire(7) == 0u);  // both, joined, and not what was never touched
  CHECK(range.acquire(1) == 7u);
  CHECK(range.touched() == 10);
  CHECK_FALSE(range.acquire(7).has_value());
  CHECK(range.acquire(6) == 10u);
  CHECK(range.touched() == 16);
}

TEST_CASE("the smallest piece that is large enough is taken") {
  BestFit range(16);
  for (const std::size_t bytes : {3, 1, 2, 1, 4, 1}) CHECK(range.acquire(bytes).has_value());
  range.release(0, 3);
  range.release(4, 2);
  range.release(7, 4);
  CHECK(range.acquire(2) == 4u);
  CHECK(range.acquire(2) == 0u);
  CHECK(range.acquire(1) == 2u);
}

TEST_CASE("blocks of a long row of draws never share a byte, and all of it comes back") {
  constexpr std::size_t kSize = 256;
  BestFit range(kSize);
  Rng rng(5, Stream::kSynthetic, 0, 0);
  std::map<std::size_t, std::size_t> live;
  std::vector<int> owned(kSize, 0);
  const auto mark = [&](std::size_t offset, std::size_t bytes, int from, int to) {
    for (std::size_t i = offset; i < offset + bytes; ++i) {
      REQUIRE(owned.at(i) == from);
      owned.at(i) = to;
    }
  };
  for (int draw = 0; draw < 20000; ++draw) {
    if (rng.below(2) == 0) {
      const std::size_t bytes = 1 + rng.below(20);
      const std::optional<std::size_t> offset = range.acquire(bytes);
      if (!offset) continue;
      mark(*offset, bytes, 0, 1);
      live[*offset] = bytes;
    } else if (!live.empty()) {
      const auto one = std::next(live.begin(), rng.below(static_cast<std::uint32_t>(live.size())));
      mark(one->first, one->second, 1, 0);
      range.release(one->first, one->second);
      live.erase(one);
    }
  }
  for (const auto& [offset, bytes] : live) range.release(offset, bytes);
  CHECK(range.acquire(kSize) == 0u);
}

TEST_CASE("a range of no size gives nothing") {
  BestFit none(0);
  CHECK_FALSE(none.acquire(1).has_value());
  CHECK(none.touched() == 0);
}

}  // namespace
}  // namespace tessera
