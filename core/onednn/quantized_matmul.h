// Matrix products of 8-bit integers by oneDNN.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace tessera::onednn {

/// True if this CPU multiplies and adds 8-bit integers exactly in one instruction (AVX-512 with
/// VNNI). Without it the library may saturate sums of two products at 16 bits.
bool has_native_int8();

/// C = scales * (A B) + bias, row-major: A [m, k] of u8, B [k, n] of s8, sums exact in 32 bits,
/// `scales` and `bias` [n] f32; C [m, n] is f32 or bf16.
struct QuantizedMatmul {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const std::uint8_t* a = nullptr;
  const void* b = nullptr;  ///< comes from pack_transposed()
  const float* scales = nullptr;
  const float* bias = nullptr;
  void* c = nullptr;
  DType c_dtype = DType::kF32;
};

void matmul(const QuantizedMatmul& args);

/// A buffer of at least `bytes` bytes.
Tensor byte_buffer(std::int64_t bytes);

/// B^T [n, k] as products read B fastest; the elements of the result have no order that a caller
/// could know.
Tensor pack_transposed(std::span<const std::int8_t> b, std::int64_t n, std::int64_t k);

}  // namespace tessera::onednn
