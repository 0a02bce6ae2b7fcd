// Feature maps of another size.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

enum class ResizeMode : std::uint8_t {
  kBilinear,         ///< pixels are areas: the corners of the maps agree (align_corners false)
  kBilinearCorners,  ///< pixels are points: the centres of corner pixels agree (align_corners true)
  kBicubic,          ///< as kBilinear with 4 x 4 neighbours; A = -0.75, edges repeated
  kNearest,          ///< pixel floor(i * in / out)
};

/// x [B, H, W, C] f32 or bf16 -> [B, size[0], size[1], C], interpolated as PyTorch's `interpolate`
/// does without antialiasing; x itself where the size stays. Throws ShapeError.
Var resize(Tape& tape, const Var& x, std::array<std::int64_t, 2> size,
           ResizeMode mode = ResizeMode::kBilinear);

}  // namespace tessera::ops
