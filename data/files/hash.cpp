#include "data/files/hash.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace tessera {

std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15u;  // odd: every step is a bijection
  std::uint64_t hash = seed ^ (bytes.size() * kMultiplier);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, &bytes[at], std::min<std::size_t>(8, bytes.size() - at));
    hash = std::rotl(hash ^ word, 29) * kMultiplier;
    hash ^= hash >> 32;
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;  // the finisher of MurmurHash3
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, seed);
}

}  // namespace tessera
