#include "core/dtype.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace tessera {
namespace {

float rounded(float value) { return to_f32(to_bf16(value)); }

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

TEST_CASE("bf16 rounds to nearest, ties to even") {
  CHECK(rounded(from_bits(0x3f800000)) == from_bits(0x3f800000));
  CHECK(rounded(from_bits(0x3f807fff)) == from_bits(0x3f800000));  // just below the tie
  CHECK(rounded(from_bits(0x3f808000)) == from_bits(0x3f800000));  // tie, even below
  CHECK(rounded(from_bits(0x3f808001)) == from_bits(0x3f810000));  // just above the tie
  CHECK(rounded(from_bits(0x3f818000)) == from_bits(0x3f820000));  // tie, even above
  CHECK(rounded(from_bits(0xbf818000)) == from_bits(0xbf820000));
}

TEST_CASE("every bf16 value survives the way through f32") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const BF16 value{static_cast<std::uint16_t>(bits)};
    if (std::isnan(to_f32(value))) {
      REQUIRE(std::isnan(rounded(to_f32(value))));
    } else {
      REQUIRE(to_bf16(to_f32(value)).bits == bits);
    }
  }
}

TEST_CASE("bf16 keeps NaN, infinity and the sign of zero; what is too large becomes infinity") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(std::isnan(rounded(from_bits(0x7f800001))));  // a NaN whose payload lies in the lower half
  CHECK(std::isnan(rounded(from_bits(0xffffffff))));
  CHECK(rounded(infinity) == infinity);
  CHECK(rounded(-infinity) == -infinity);
  CHECK(rounded(std::numeric_limits<float>::max()) == infinity);
  CHECK(std::signbit(rounded(-0.0f)));
  CHECK(rounded(from_bits(0x00000001)) == 0.0f);
}

TEST_CASE("dtypes know their size and name") {
  CHECK(size_of(DType::kF32) == 4);
  CHECK(size_of(DType::kBF16) == 2);
  CHECK(size_of(DType::kI32) == 4);
  CHECK(name_of(DType::kBF16) == "bf16");
}

}  // namespace
}  // namespace tessera
