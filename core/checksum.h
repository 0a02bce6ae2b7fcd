// Telling by a number whether bytes are still what they were, and contents apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

/// XXH64 with seed 0 (github.com/Cyan4973/xxHash; `xxhsum -H64` prints the same), of pieces as if
/// they were one. It finds damage; it does not keep out who wants to deceive.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  static constexpr std::size_t kStripe = 32;

  void consume(const std::byte* stripe);

  std::array<std::uint64_t, 4> accumulators_ = {0x60ea27eeadc0b5d6u, 0xc2b2ae3d27d4eb4fu, 0,
                                                0x61c8864e7a143579u};
  std::array<std::byte, kStripe> pending_{};
  std::uint64_t size_ = 0;
};

std::uint64_t checksum_of(std::span<const std::byte> bytes);

/// `xxh64:` and 16 hexadecimal digits.
std::string checksum_text(std::uint64_t value);
std::string checksum_text(std::string_view text);

/// A fast 64-bit hash, not cryptographic; `seed` chains pieces.
std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0);

std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0);

}  // namespace tessera
