// Convolution of channels-last maps.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// Rows first: {vertical, horizontal}. The kernel's size is that of the weight.
struct Conv2dConfig {
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> pad_begin{0, 0};  ///< zeros above and to the left
  std::array<std::int64_t, 2> pad_end{0, 0};    ///< zeros below and to the right
  std::int64_t groups = 1;
};

/// Cross-correlation.  x [B, H, W, I] f32 or bf16, weight [O, I / groups, kh, kw] f32, bias [O] f32
/// or none -> [B, H', W', O] in the dtype of x with H' = (H + pad_begin + pad_end - kh) / stride +
/// 1, rounded down. Throws ShapeError.
Var conv2d(Tape& tape, const Var& x, const Var& weight, const Var& bias,
           const Conv2dConfig& config = {});

}  // namespace tessera::ops
