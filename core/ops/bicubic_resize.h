// Learned maps for another size: tables of positions and of biases.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// map [H, W, C] f32 -> [h, w, C]: bicubic interpolation (a = -0.75, no antialiasing, borders
/// repeated) between the centres of cells, as torch's `interpolate(mode="bicubic",
/// align_corners=False)`; Keys 1981. Weights and sums are in double precision. Throws ShapeError.
Var bicubic_resize(Tape& tape, const Var& map, std::array<std::int64_t, 2> size);

}  // namespace tessera::ops
