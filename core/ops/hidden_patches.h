// What learning from images alone needs: squares of an image are hidden, and what was there is
// guessed. SimMIM, arXiv:2111.09886.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tape.h"

namespace tessera::ops {

/// Which squares of the images of a batch are hidden.
struct HiddenPatches {
  Tensor mask;                         ///< [B, gh, gw] f32: 1 hidden, 0 seen
  std::array<std::int64_t, 2> side{};  ///< of a square, rows and columns; the last may be cut off
};

/// Puts `token` [1, 1, C] f32 in the place of the tokens of a map that are hidden; sides of
/// `hidden` are tokens.  tokens [B, H, W, C] f32 or bf16 -> the same. Throws ShapeError.
Var replace_tokens(Tape& tape, const Var& tokens, const Var& token, const HiddenPatches& hidden);

/// x [B, h, w, C bh bw] f32 or bf16 -> [B, h bh, w bw, C]: channel (c bh + i) bw + j of a place is
/// channel c of its pixel (i, j), as PyTorch's pixel_shuffle has it, arXiv:1609.05158. Throws
/// ShapeError.
Var pixel_shuffle(Tape& tape, const Var& x, std::array<std::int64_t, 2> block);

/// sum(|x - target|) / (N + 1e-5) / C over the N pixels that are hidden; sides of `hidden` are
/// pixels.  x [B, H', W', C] f32 or bf16, target [B, H, W, C] f32 (no gradient), H' >= H, W' >= W,
/// of which what lies beyond is not looked at -> [1] f32. `sizes`: rows and columns of each image
/// within the padding of the batch, or none if all fill it. Throws ShapeError. arXiv:2111.09886
/// section 3.4, with the constant of its code.
Var hidden_l1(Tape& tape, const Var& x, const Tensor& target, const HiddenPatches& hidden,
              const std::vector<std::array<std::int64_t, 2>>& sizes = {});

}  // namespace tessera::ops
