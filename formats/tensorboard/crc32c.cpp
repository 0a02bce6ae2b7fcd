#include "formats/tensorboard/crc32c.h"

#include <array>
#include <bit>

namespace tessera::tensorboard {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78u;  // bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1u ^ ((rest & 1u) != 0 ? kPolynomial : 0u);
    table[byte] = rest;
  }
  return table;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  constexpr std::array<std::uint32_t, 256> kTable = make_table();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xffu] ^ crc >> 8u;
  }
  return std::rotr(~crc, 15) + 0xa282ead8u;
}

}  // namespace tessera::tensorboard
