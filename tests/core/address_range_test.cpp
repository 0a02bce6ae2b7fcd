#include "core/address_range.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "core/rng.h"

namespace tessera {
namespace {

constexpr std::size_t kStep = AddressRange::kStep;

TEST_CASE("what one block leaves, blocks of other sizes take") {
  AddressRange range(16 * kStep);
  std::byte* const first = range.acquire(4 * kStep);
  std::byte* const second = range.acquire(4 * kStep);
  std::byte* const third = range.acquire(2 * kStep);
  CHECK(second == first + 4 * kStep);
  CHECK(range.touched() == 10 * kStep);
  range.release(first, 4 * kStep);
  range.release(second, 4 * kStep);
  CHECK(range.acquire(7 * kStep) == first);  // of both, joined, and not of what was never touched
  CHECK(range.acquire(kStep) == first + 7 * kStep);
  CHECK(range.touched() == 10 * kStep);
  CHECK(range.acquire(7 * kStep) == nullptr);
  CHECK(range.acquire(6 * kStep) == third + 2 * kStep);
  CHECK(range.touched() == 16 * kStep);
}

TEST_CASE("the smallest piece that is large enough is taken") {
  AddressRange range(16 * kStep);
  std::vector<std::byte*> blocks;
  for (const std::size_t steps : {3, 1, 2, 1, 4, 1}) blocks.push_back(range.acquire(steps * kStep));
  range.release(blocks[0], 3 * kStep);
  range.release(blocks[2], 2 * kStep);
  range.release(blocks[4], 4 * kStep);
  CHECK(range.acquire(2 * kStep) == blocks[2]);
  CHECK(range.acquire(2 * kStep) == blocks[0]);
  CHECK(range.acquire(kStep) == blocks[0] + 2 * kStep);
}

TEST_CASE("blocks of a long row of draws never share a byte, and all of it comes back") {
  constexpr std::size_t kPieces = 256;
  AddressRange range(kPieces * kStep);
  Rng rng(5, Stream::kSynthetic, 0, 0);
  std::map<std::byte*, std::size_t> live;
  std::vector<int> owner(kPieces, 0);
  std::byte* const start = range.acquire(kStep);
  range.release(start, kStep);
  const auto mark = [&](std::byte* data, std::size_t bytes, int from, int to) {
    for (std::size_t i = 0; i < bytes / kStep; ++i) {
      int& piece = owner.at(static_cast<std::size_t>(data - start) / kStep + i);
      REQUIRE(piece == from);
      piece = to;
    }
  };
  for (int draw = 0; draw < 20000; ++draw) {
    if (rng.below(2) == 0) {
      const std::size_t bytes = (1 + rng.below(20)) * kStep;
      std::byte* const data = range.acquire(bytes);
      if (data == nullptr) continue;
      CHECK(range.holds(data));
      mark(data, bytes, 0, 1);
      live[data] = bytes;
    } else if (!live.empty()) {
      const auto one = std::next(live.begin(), rng.below(static_cast<std::uint32_t>(live.size())));
      mark(one->first, one->second, 1, 0);
      range.release(one->first, one->second);
      live.erase(one);
    }
  }
  for (const auto& [data, bytes] : live) range.release(data, bytes);
  CHECK(range.acquire(kPieces * kStep) == start);
}

TEST_CASE("a range without addresses gives nothing") {
  AddressRange none;
  CHECK(none.acquire(kStep) == nullptr);
  CHECK_FALSE(none.holds(nullptr));
  AddressRange refused(std::size_t{1} << 62);
  CHECK(refused.acquire(kStep) == nullptr);
}

}  // namespace
}  // namespace tessera
