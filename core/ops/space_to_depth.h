// Blocks of neighbouring tokens laid into the channel dimension: patch merging.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// x [B, H, W, C] f32 or bf16, block {bh, bw} -> [B, ceil(H / bh), ceil(W / bw), bh * bw * C],
/// ordered (dw, dh, channel) as Swin's patch merging, which concatenates the neighbours (dh, dw) =
/// (0, 0), (1, 0), (0, 1), (1, 1). The map is padded with zeros at the right and bottom. Throws
/// ShapeError.
Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block);

}  // namespace tessera::ops
