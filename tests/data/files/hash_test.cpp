#include "data/files/hash.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

namespace tessera {
namespace {

TEST_CASE("hash_bytes: has no collisions over lengths and single bits") {
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::size_t length = 0; length < 40; ++length) {
    std::vector<std::uint8_t> bytes(length);
    seen.insert(hash_bytes(bytes));
    ++count;
    for (std::size_t bit = 0; bit < 8 * length; ++bit, ++count) {
      bytes[bit / 8] = static_cast<std::uint8_t>(1u << bit % 8);
      seen.insert(hash_bytes(bytes));
      bytes[bit / 8] = 0;
    }
  }
  CHECK(seen.size() == count);
}

}  // namespace
}  // namespace tessera
