// Telling contents apart by a number.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tessera {

/// A fast 64-bit hash, not cryptographic; `seed` chains pieces.
std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0);

std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0);

}  // namespace tessera
