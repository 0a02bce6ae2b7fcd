#include "core/checksum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera {
namespace {

std::vector<std::byte> counted(std::size_t size, unsigned factor) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * factor % 256);
  return bytes;
}

TEST_CASE("checksum: XXH64, as its reference implementation has it") {
  CHECK(checksum_text(std::string_view("")) == "xxh64:ef46db3751d8e999");
  CHECK(checksum_text(std::string_view("a")) == "xxh64:d24ec4f1a98c6e5b");
  CHECK(checksum_text(std::string_view("abc")) == "xxh64:44bc2cf5ad770999");
  const std::pair<std::size_t, std::uint64_t> counted_bytes[] = {
      {31, 0xc346d2b59b4d8ee1u}, {32, 0xcbf59c5116ff32b4u}, {77, 0x93f85c1b6280ead3u}};
  for (const auto& [size, expected] : counted_bytes) {
    CHECK(checksum_of(counted(size, 1)) == expected);
  }
  CHECK(checksum_of(counted(1000, 7)) == 0x25275608a9cfc168u);
}

TEST_CASE("checksum: pieces give what the whole gives, wherever it is cut") {
  const std::vector<std::byte> bytes = counted(200, 7);
  const std::uint64_t whole = checksum_of(bytes);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (const std::size_t second : {std::size_t{0}, std::size_t{1}, std::size_t{40}}) {
      Checksum checksum;
      const std::span<const std::byte> rest = std::span(bytes).subspan(first);
      checksum.add(std::span(bytes).first(first));
      checksum.add(rest.first(std::min(second, rest.size())));
      checksum.add(rest.subspan(std::min(second, rest.size())));
      CHECK(checksum.value() == whole);
    }
  }
}

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
