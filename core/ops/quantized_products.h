// Products of linear layers in integers of 8 bits, for evaluation.
#pragma once

#include <cstdint>

#include "core/kernels/row_kernels.h"
#include "core/ops/row_slices.h"
#include "core/quantization.h"

namespace tessera {

/// A weight [out, in] ready to multiply rows of integers. What the zero of the input's code adds to
/// every product is taken off with the bias, so that the products themselves know no zero.
class QuantizedWeight {
 public:
  QuantizedWeight(const Tensor& weight, const LinearCode& code);

  const InputCode& input() const { return input_; }

  /// `bias` [out] or null, with what the zero adds taken off: [out].
  Tensor offsets(const float* bias) const;

  /// y [rows, out] of `dtype` = x W^T + bias for x [rows, in] in the code of input().
  void multiply(const std::uint8_t* x, std::int64_t rows, const Tensor& offsets, void* y,
                DType dtype) const;

 private:
  std::int64_t in_, out_;
  InputCode input_;
  Tensor packed_;
  Tensor scales_;     // [out]: of input and weight
  Tensor zero_sums_;  // [out]: what the zero adds
};

/// Integers of one slice of rows for each part.
class QuantizedSlices {
 public:
  QuantizedSlices(const RowSlices& slices, std::int64_t columns);

  std::uint8_t* of(int part) const;

 private:
  std::int64_t bytes_;
  Tensor buffer_;
};

/// `count` elements of `dtype` in the code `code`, rounded to nearest and cut off at its ends; with
/// `gelu` of x Phi(x) instead of x.
void quantize(const void* x, DType dtype, const InputCode& code, std::uint8_t* q,
              std::int64_t count, bool gelu = false);

/// Slices for products with 8-bit weights of `weight_elements` elements.
RowSlices plan_quantized_slices(std::int64_t rows, std::int64_t weight_elements);

}  // namespace tessera
