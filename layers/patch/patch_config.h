// How pixels become tokens and tokens become fewer: the `patch_embed` and `patch_merging` of a
// model's configuration.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"

namespace tessera {

enum class PatchEmbedType : std::uint8_t {
  kLinear,            ///< see ConvPatchEmbed
  kOverlap,           ///< see ConvPatchEmbed
  kConvStem,          ///< see ConvStem
  kShifted,           ///< see ShiftedPatchEmbed
  kCrossScale,        ///< see CrossScalePatchEmbed
  kSliding,           ///< see ConvPatchEmbed
  kRegistered = 128,  ///< and above: see register_patch_embed
};

/// What becomes of pixels at the right and bottom that no whole kernel fits on.
enum class PatchEdge : std::uint8_t {
  kDrop,  ///< they are not seen
  kPad,   ///< zeros make them whole: one more row or column of tokens
  kAuto,  ///< kPad of models whose head puts out a map, kDrop of others: see resolve_patch_edge
};

/// In the place of a number of zeros: as many as keep ceil(pixels / stride) tokens.
inline constexpr std::int64_t kSamePadding = -1;

/// Where a shifted view looks from: four corners, four sides, or all eight.
enum class ShiftDirections : std::uint8_t { kDiagonal, kCardinal, kEight };

/// Each type has keys of its own; those of the others mean nothing to it.
struct PatchEmbedConfig {
  PatchEmbedType type = PatchEmbedType::kLinear;
  bool norm = true;                           ///< layer norm after the projection; shifted: before
  Size2 kernel{};                             ///< overlap: pixels; {0, 0}: 2 * patch_size - 1
  std::int64_t padding = kSamePadding;        ///< overlap: zeros on every side
  Size2 stride{};                             ///< sliding: pixels; {0, 0}: half the patch
  PatchEdge edge = PatchEdge::kDrop;          ///< linear, sliding, overlap with numbered padding
  std::vector<std::int64_t> stem_channels{};  ///< conv_stem; empty: see ConvStem
  Size2 shift_pixels{};                       ///< shifted; {0, 0}: half the patch
  ShiftDirections directions = ShiftDirections::kDiagonal;  ///< shifted
  std::vector<std::int64_t> kernels{};  ///< cross_scale; empty: see CrossScalePatchEmbed
};

enum class PatchMergingType : std::uint8_t {
  kLinear,      ///< see LinearPatchMerging
  kConv,        ///< see ConvPatchMerging
  kShifted,     ///< see ShiftedPatchMerging
  kCrossScale,  ///< see CrossScalePatchMerging
};

struct PatchMergingConfig {
  PatchMergingType type = PatchMergingType::kLinear;
  std::int64_t kernel = 3;                                  ///< conv: tokens
  ShiftDirections directions = ShiftDirections::kDiagonal;  ///< shifted
  std::vector<std::int64_t> kernels{2, 4};                  ///< cross_scale: tokens
};

}  // namespace tessera
