// Reading and writing f32 or bf16 elements in kernels that compute in f32.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>

#include "core/dtype.h"
#include "core/parallel.h"

namespace tessera {

TESSERA_INLINE float load(float element) { return element; }
TESSERA_INLINE float load(BF16 element) { return to_f32(element); }

TESSERA_INLINE void store(float& element, float value) { element = value; }
TESSERA_INLINE void store(BF16& element, float value) { element = to_bf16(value); }

namespace detail {
using Words [[gnu::vector_size(64)]] = std::uint32_t;
using Halves [[gnu::vector_size(32)]] = std::uint16_t;
}  // namespace detail

// Kernels handle bf16 rows in f32 copies: with one width of element a loop fills its vectors, and
// the conversion is a shift. For f32 rows all three functions vanish.

/// The row itself, or its conversion to f32 in `buffer`.
TESSERA_INLINE const float* read_row(const float* row, float*, std::int64_t) { return row; }
TESSERA_INLINE const float* read_row(const BF16* row, float* buffer, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    detail::Halves halves;
    std::memcpy(&halves, row + i, sizeof(halves));
    const detail::Words words = __builtin_convertvector(halves, detail::Words) << 16;
    std::memcpy(buffer + i, &words, sizeof(words));
  }
  for (; i < count; ++i) buffer[i] = to_f32(row[i]);
  return buffer;
}

/// Where to write a row before write_row: the row itself, or `buffer`.
TESSERA_INLINE float* row_target(float* row, float*) { return row; }
TESSERA_INLINE float* row_target(BF16*, float* buffer) { return buffer; }

/// Rounds what stands in row_target to the row's type.
TESSERA_INLINE void write_row(float*, const float*, std::int64_t) {}
TESSERA_INLINE void write_row(BF16* row, const float* buffer, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    detail::Words words;
    std::memcpy(&words, buffer + i, sizeof(words));
    const detail::Words rounded = words + 0x7fffu + ((words >> 16) & 1u);
    words = (words & 0x7fffffffu) > 0x7f800000u ? words | 0x400000u : rounded;  // see to_bf16
    const detail::Halves halves = __builtin_convertvector(words >> 16, detail::Halves);
    std::memcpy(static_cast<void*>(row + i), &halves, sizeof(halves));
  }
  for (; i < count; ++i) row[i] = to_bf16(buffer[i]);
}

/// Calls `body(T{})` with the element type of an activation: float or BF16.
template <typename Body>
void with_element_type(DType dtype, Body&& body) {
  assert(dtype != DType::kI32);
  if (dtype == DType::kBF16) {
    body(BF16{});
  } else {
    body(float{});
  }
}

/// The least number of rows of `columns` elements that is worth another thread.
inline std::int64_t row_grain(std::int64_t columns) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, columns));
}

}  // namespace tessera
