// Matrix products by oneDNN.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace tessera::onednn {

/// C = op(A) op(B) + bias (+ C), row-major, `batch` times. op(A) is [m, k]: A lies in memory as
/// [batch, m, k], or [batch, k, m] if transposed; op(B) is [k, n]; C is [batch, m, n].
struct Matmul {
  std::int64_t batch = 1;
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const void* a = nullptr;
  bool a_transposed = false;
  DType a_dtype = DType::kF32;
  const void* b = nullptr;
  bool b_transposed = false;
  bool b_packed = false;  ///< b comes from pack(), with the same b_transposed
  DType b_dtype = DType::kF32;
  void* c = nullptr;
  DType c_dtype = DType::kF32;
  const float* bias = nullptr;  ///< [n], or none
  bool accumulate = false;      ///< add to C instead of writing it
};

void matmul(const Matmul& args);

/// op(B) rounded to `dtype`, in the layout that products of `dtype` read fastest: worth its while
/// where many products share B. `b` is [k, n], or [n, k] if transposed. The elements of the result
/// have no order that a caller could know.
Tensor pack(const Tensor& b, bool b_transposed, DType dtype);

}  // namespace tessera::onednn
