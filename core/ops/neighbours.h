// Tokens together with their neighbours: blocks, patches, shifted channels.
#pragma once

#include <array>
#include <cstdint>

#include "core/kernels/patch_rows.h"
#include "core/tape.h"

namespace tessera::ops {

/// x [B, H, W, C] f32 or bf16, block {bh, bw} -> [B, ceil(H / bh), ceil(W / bw), bh * bw * C],
/// ordered (dw, dh, channel) as Swin's patch merging, which concatenates the neighbours (dh, dw) =
/// (0, 0), (1, 0), (0, 1), (1, 1). The map is padded with zeros at the right and bottom. Throws
/// ShapeError.
Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block);

/// x [B, H, W, C] f32 or bf16 -> [B, h, w, views * kh * kw * C], ordered (view, dh, dw, channel);
/// {h, w} are `grid.places`. Pixels outside x are zeros. Batch, size and channels of `grid` are
/// those of x. Throws ShapeError.
Var gather_patches(Tape& tape, const Var& x, PatchGrid grid);

/// kernel [O, views * C, kh, kw] f32 -> [O, views * kh * kw * C], in the order of gathered patches.
/// Throws ShapeError.
Var kernel_rows(Tape& tape, const Var& kernel, int views);

/// Of x [B, H, W, C] the first `channels` channels come from the token above, the next from the one
/// below, then from the left and from the right; the others stay. Beyond the edge are zeros.
/// -> [B, H, W, C]. f32 or bf16. Throws ShapeError if 4 * channels > C.
Var token_shift(Tape& tape, const Var& x, std::int64_t channels);

}  // namespace tessera::ops
