// Patches that may overlap, each seen from several places, laid into the channel dimension.
#pragma once

#include "core/kernels/patch_rows.h"
#include "core/tape.h"

namespace tessera::ops {

/// x [B, H, W, C] f32 or bf16 -> [B, h, w, views * kh * kw * C], ordered (view, dh, dw, channel);
/// {h, w} are `grid.places`. Pixels outside x are zeros. Batch, size and channels of `grid` are
/// those of x. Throws ShapeError.
Var gather_patches(Tape& tape, const Var& x, PatchGrid grid);

/// kernel [O, views * C, kh, kw] f32 -> [O, views * kh * kw * C], in the order of gathered patches.
/// Throws ShapeError.
Var kernel_rows(Tape& tape, const Var& kernel, int views);

}  // namespace tessera::ops
