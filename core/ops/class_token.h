// The token of ViT that stands for the whole image, arXiv:2010.11929 section 3.1.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// Puts `token` [1, 1, C] f32 in front of each sample's tokens [B, H, W, C] f32 or bf16
/// -> [B, 1, 1 + H W, C] in the dtype of tokens. Throws ShapeError.
Var prepend_token(Tape& tape, const Var& tokens, const Var& token);

/// The first token of each sample.  x [B, H, W, C] f32 or bf16 -> [B, C]. Throws ShapeError.
Var first_token(Tape& tape, const Var& x);

}  // namespace tessera::ops
