// Pooling into a grid of given size.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// Mean over cells: cell i of n covers rows floor(i H / n) .. ceil((i + 1) H / n) - 1, and so for
/// columns, so that cells may overlap and repeat pixels where the map is smaller than the grid.
/// x [B, H, W, C] f32 or bf16 -> [B, grid[0], grid[1], C]; x itself where the size stays. Throws
/// ShapeError. PyTorch's AdaptiveAvgPool2d; spatial pyramids, arXiv:1406.4729.
Var adaptive_pool(Tape& tape, const Var& x, std::array<std::int64_t, 2> grid);

}  // namespace tessera::ops
