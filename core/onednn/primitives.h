// Matrix products and convolutions by oneDNN. The only door to the library: primitives are made
// once per shape and kept, and what differs between oneDNN 2.6 and 3.x stays behind it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/dtype.h"

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
  DType b_dtype = DType::kF32;
  void* c = nullptr;
  DType c_dtype = DType::kF32;
  const float* bias = nullptr;  ///< [n], or none
  bool accumulate = false;      ///< add to C instead of writing it
  bool gelu = false;            ///< exact GELU of the result, as the last step
};

void matmul(const Matmul& args);

/// A 2-D convolution over channels-last maps: x [B, H, W, I], weight [O, I/groups, kh, kw],
/// y [B, H', W', O] with H' = (H + pad_begin + pad_end - kh) / stride + 1. Weight, bias and their
/// gradients are f32.
struct ConvGeometry {
  DType dtype = DType::kF32;  ///< of x, y and their gradients
  std::int64_t batch = 0;
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t groups = 1;
  std::array<std::int64_t, 2> in_size{};   ///< H, W
  std::array<std::int64_t, 2> out_size{};  ///< H', W'
  std::array<std::int64_t, 2> kernel{};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> pad_begin{};
  std::array<std::int64_t, 2> pad_end{};
};

/// `bias` [O] may be null.
void conv_forward(const ConvGeometry& geometry, const void* x, const float* weight,
                  const float* bias, void* y);
void conv_backward_data(const ConvGeometry& geometry, const void* dy, const float* weight,
                        void* dx);
/// `dbias` [O] may be null.
void conv_backward_weights(const ConvGeometry& geometry, const void* x, const void* dy,
                           float* dweight, float* dbias);

/// "oneDNN 2.6.3"
std::string version();

/// True if this CPU has instructions for bf16 dot products, so that bf16 is worth its while.
bool has_native_bf16();

}  // namespace tessera::onednn
