// Absolute position: a vector added to every token of a map.
#pragma once

#include "core/tape.h"

namespace tessera::ops {

/// tokens [B, H, W, C] f32 or bf16 + table [1, H W, C] or [1, H, W, C] f32, the same for every
/// sample -> [B, H, W, C] in the dtype of tokens. Throws ShapeError. ViT, arXiv:2010.11929
/// section 3.1.
Var add_position(Tape& tape, const Var& tokens, const Var& table);

}  // namespace tessera::ops
