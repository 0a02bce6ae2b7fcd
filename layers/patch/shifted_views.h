// The shifted views of shifted patch tokenization.
#pragma once

#include "core/kernels/patch_rows.h"
#include "layers/model_config.h"

namespace tessera {

/// Patches of a map, each seen where it is and then from places `shift` pixels away: diagonal
/// {-,-}, {-,+}, {+,-}, {+,+}; cardinal {-,0}, {0,-}, {0,+}, {+,0}; eight: all of these, diagonal
/// first.
struct ShiftedViews {
  Size2 patch{};
  Size2 shift{};
  ShiftDirections directions = ShiftDirections::kDiagonal;
  std::int64_t channels = 0;

  int count() const { return directions == ShiftDirections::kEight ? 9 : 5; }

  /// Values that a patch is seen as.
  std::int64_t depth() const { return count() * patch[0] * patch[1] * channels; }

  /// The ceil(H / Ph) x ceil(W / Pw) patches of a map of `size`.
  PatchGrid grid(Size2 size) const;
};

}  // namespace tessera
