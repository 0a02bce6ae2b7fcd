// Element types of tensors.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tessera {

enum class DType : std::uint8_t { kF32, kBF16, kI32 };

constexpr std::size_t size_of(DType dtype) { return dtype == DType::kBF16 ? 2 : 4; }

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kBF16:
      return "bf16";
    case DType::kI32:
      return "i32";
  }
  return "?";
}

/// The upper half of an IEEE-754 binary32: 8 exponent bits, 7 fraction bits.
struct BF16 {
  std::uint16_t bits = 0;
};

/// Rounds to nearest, ties to even; NaN stays NaN.
constexpr BF16 to_bf16(float value) {
  const std::uint32_t u = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = u + 0x7fffu + ((u >> 16) & 1u);
  const bool is_nan = (u & 0x7fffffffu) > 0x7f800000u;
  return {static_cast<std::uint16_t>((is_nan ? (u | 0x400000u) : rounded) >> 16)};
}

constexpr float to_f32(BF16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<BF16> {
  static constexpr DType value = DType::kBF16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kI32;
};

}  // namespace tessera
