// Kernels for patches of another size: FlexiViT, arXiv:2212.08013.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tape.h"

namespace tessera::ops {

/// What makes a kernel of `to` cells of one of `from`, along one axis: pinv(B^T), where B [to,
/// from] is the bilinear resize with antialiasing. Row-major [to, from], double precision.
struct KernelMatrix {
  std::int64_t to = 0;
  std::int64_t from = 0;
  std::vector<double> values{};
};

/// nullopt if B is not of full rank.
std::optional<KernelMatrix> kernel_matrix(std::int64_t from, std::int64_t to);

/// Kernels that respond to bilinearly resized patches as the old ones to the original, as near as
/// can be where they become smaller: each [H, W] becomes `vertical` w `horizontal`^T, which is
/// pinv(B^T) w with B the resize of both axes, section 3.4.  kernel [D, C, H, W] f32 -> [D, C, h,
/// w]. Throws ShapeError.
Var resize_kernel(Tape& tape, const Var& kernel, const KernelMatrix& vertical,
                  const KernelMatrix& horizontal);

}  // namespace tessera::ops
