// The matrix products of a linear layer over a slice of its rows.
#pragma once

#include "core/ops/row_slices.h"

namespace tessera {

/// How a weight [out, in] multiplies rows: forward as x W^T + bias, in backward as dy W.
enum class WeightUse : std::uint8_t { kForward, kBackward };

struct RowProduct {
  const void* x = nullptr;  ///< [rows, in] forward, [rows, out] in backward
  void* y = nullptr;        ///< [rows, out] forward, [rows, in] in backward
  std::int64_t rows = 0;
  const float* bias = nullptr;  ///< [out], or none
  bool accumulate = false;      ///< add to y instead of writing it
};

/// x, y and the weight have one dtype, f32 or bf16.
void multiply_rows(const Tensor& weight, WeightUse use, const RowProduct& product);

/// dW [out, in] (+)= dy^T x over `rows` rows: dy [rows, out], x [rows, in] of `dtype`, into the
/// sums of `part`. Does nothing for empty sums.
void add_weight_gradient(const void* dy, std::int64_t out, const void* x, std::int64_t in,
                         DType dtype, std::int64_t rows, PartialSums& sums, int part);

}  // namespace tessera
