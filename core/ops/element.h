// Reading and writing one f32 or bf16 element in kernels that compute in f32.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "core/dtype.h"
#include "core/parallel.h"

namespace tessera {

TESSERA_INLINE float load(float element) { return element; }
TESSERA_INLINE float load(BF16 element) { return to_f32(element); }

TESSERA_INLINE void store(float& element, float value) { element = value; }
TESSERA_INLINE void store(BF16& element, float value) { element = to_bf16(value); }

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
