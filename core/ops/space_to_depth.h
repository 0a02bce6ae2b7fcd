// Blocks of neighbouring pixels laid into the channel dimension: patches, and patch merging.
#pragma once

#include <array>
#include <cstdint>

#include "core/tape.h"

namespace tessera::ops {

/// How the values of one block follow each other, and what happens to maps that blocks do not
/// divide.
enum class BlockOrder : std::uint8_t {
  /// (channel, dh, dw), as the kernel [D, C, bh, bw] of a patch convolution reads its patch. Rows
  /// and columns beyond the last whole block are left out and get a zero gradient.
  kChannelMajor,
  /// (dw, dh, channel): Swin's patch merging, which concatenates the neighbours (dh, dw) = (0, 0),
  /// (1, 0), (0, 1), (1, 1). The map is padded with zeros at the right and bottom.
  kMerge,
};

/// x [B, H, W, C] f32 or bf16, block {bh, bw} -> [B, H / bh, W / bw, bh * bw * C], where the
/// quotients are rounded down (kChannelMajor) or up (kMerge). Throws ShapeError.
Var space_to_depth(Tape& tape, const Var& x, std::array<std::int64_t, 2> block, BlockOrder order);

}  // namespace tessera::ops
