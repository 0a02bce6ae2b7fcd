#include "core/checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace tessera {
namespace {

constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87u, kPrime2 = 0xc2b2ae3d27d4eb4fu,
                        kPrime3 = 0x165667b19e3779f9u, kPrime4 = 0x85ebca77c2b2ae63u,
                        kPrime5 = 0x27d4eb2f165667c5u;

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

template <typename T>
T word_at(const std::byte* bytes) {
  T word{};
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

std::uint64_t round(std::uint64_t accumulator, std::uint64_t word) {
  return std::rotl(accumulator + word * kPrime2, 31) * kPrime1;
}

std::uint64_t finish(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace

void Checksum::consume(const std::byte* stripe) {
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    accumulators_[i] = round(accumulators_[i], word_at<std::uint64_t>(stripe + 8 * i));
  }
}

void Checksum::add(std::span<const std::byte> bytes) {
  const std::size_t held = size_ % kStripe;
  size_ += bytes.size();
  if (held > 0) {
    const std::size_t taken = std::min(kStripe - held, bytes.size());
    std::copy_n(bytes.data(), taken, pending_.data() + held);
    bytes = bytes.subspan(taken);
    if (held + taken < kStripe) return;
    consume(pending_.data());
  }
  for (; bytes.size() >= kStripe; bytes = bytes.subspan(kStripe)) consume(bytes.data());
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
}

std::uint64_t Checksum::value() const {
  std::uint64_t hash = kPrime5;
  if (size_ >= kStripe) {
    hash = std::rotl(accumulators_[0], 1) + std::rotl(accumulators_[1], 7) +
           std::rotl(accumulators_[2], 12) + std::rotl(accumulators_[3], 18);
    for (const std::uint64_t accumulator : accumulators_)
      hash = (hash ^ round(0, accumulator)) * kPrime1 + kPrime4;
  }
  hash += size_;
  const std::byte* at = pending_.data();
  std::size_t left = size_ % kStripe;
  for (; left >= 8; at += 8, left -= 8) {
    hash = std::rotl(hash ^ round(0, word_at<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  }
  if (left >= 4) {
    hash = std::rotl(hash ^ (word_at<std::uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
    left -= 4;
  }
  for (; left > 0; ++at, --left) {
    hash = std::rotl(hash ^ (static_cast<std::uint64_t>(*at) * kPrime5), 11) * kPrime1;
  }
  return finish(hash);
}

std::uint64_t checksum_of(std::span<const std::byte> bytes) {
  Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

std::string checksum_text(std::uint64_t value) { return fmt::format("xxh64:{:016x}", value); }

std::string checksum_text(std::string_view text) {
  return checksum_text(checksum_of(std::as_bytes(std::span(text))));
}

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
