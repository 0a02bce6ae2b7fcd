// The tokens of a map: positions added, a class token put in front, the mean of all, the channels
// of several maps side by side.
#pragma once

#include <span>

#include "core/tape.h"

namespace tessera::ops {

/// tokens [B, H, W, C] f32 or bf16 + table [1, H W, C] or [1, H, W, C] f32, the same for every
/// sample -> [B, H, W, C] in the dtype of tokens. Throws ShapeError. ViT, arXiv:2010.11929
/// section 3.1.
Var add_position(Tape& tape, const Var& tokens, const Var& table);

/// Puts `token` [1, 1, C] f32 in front of each sample's tokens [B, H, W, C] f32 or bf16
/// -> [B, 1, 1 + H W, C] in the dtype of tokens. Throws ShapeError.
Var prepend_token(Tape& tape, const Var& tokens, const Var& token);

/// The first token of each sample.  x [B, H, W, C] f32 or bf16 -> [B, C]. Throws ShapeError.
Var first_token(Tape& tape, const Var& x);

/// Mean over all positions.  x [B, H, W, C] f32 or bf16 -> [B, C]. Throws ShapeError.
Var mean_pool(Tape& tape, const Var& x);

/// Maps [..., C0], [..., C1], ... of one dtype, alike but for their last dimension, up to eight ->
/// [..., C0 + C1 + ...]. Throws ShapeError.
Var concat(Tape& tape, std::span<const Var> parts);

}  // namespace tessera::ops
