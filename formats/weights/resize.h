// Resampling of learned kernels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/tensor.h"

namespace tessera {

/// Kernels for patches of another size that respond to bilinearly resized patches as the old ones
/// to the original: each [H, W] becomes pinv(B^T) w with B the bilinear resize with antialiasing,
/// FlexiViT (arXiv:2212.08013) section 3.4. [D, C, H, W] -> [D, C, h, w]; nullopt if B is not of
/// full rank.
std::optional<Tensor> resize_kernels(const Tensor& kernels, std::array<std::int64_t, 2> size);

/// Kernels for another number of input channels: their sum for one channel; else the channels in
/// turn, scaled by old / new so that sums keep their size. [D, C, H, W] -> [D, c, H, W].
Tensor change_channels(const Tensor& kernels, std::int64_t channels);

}  // namespace tessera
