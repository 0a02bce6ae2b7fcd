// Convolutions by oneDNN, over channels-last maps.
#pragma once

#include <array>
#include <cstdint>

#include "core/dtype.h"

namespace tessera::onednn {

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

}  // namespace tessera::onednn
