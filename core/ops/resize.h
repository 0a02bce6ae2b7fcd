// Feature maps of another size: interpolated, or pooled into a grid.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

enum class ResizeMode : std::uint8_t {
  kBilinear,         ///< pixels are areas: the corners of the maps agree (align_corners false)
  kBilinearCorners,  ///< pixels are points: the centres of corner pixels agree (align_corners true)
  kBicubic,          ///< as kBilinear with 4 x 4 neighbours; A = -0.75, edges repeated
  kBicubicSmooth,    ///< A = -0.5, edges left out, as wide as an output pixel where that is larger
  kNearest,          ///< pixel floor(i * in / out)
};

/// x [B, H, W, C] f32 or bf16 -> [B, size[0], size[1], C], interpolated as PyTorch's `interpolate`
/// does, with antialiasing for kBicubicSmooth and without it for the others; x itself where the
/// size stays. Throws ShapeError.
Var resize(Tape& tape, const Var& x, std::array<std::int64_t, 2> size,
           ResizeMode mode = ResizeMode::kBilinear);

/// Mean over cells: cell i of n covers rows floor(i H / n) .. ceil((i + 1) H / n) - 1, and so for
/// columns, so that cells may overlap and repeat pixels where the map is smaller than the grid.
/// x [B, H, W, C] f32 or bf16 -> [B, grid[0], grid[1], C]; x itself where the size stays. Throws
/// ShapeError. PyTorch's AdaptiveAvgPool2d; spatial pyramids, arXiv:1406.4729.
Var adaptive_pool(Tape& tape, const Var& x, std::array<std::int64_t, 2> grid);

}  // namespace tessera::ops
