// The shifted views of shifted patch tokenization.
#pragma once

#include "core/kernels/patch_rows.h"
#include "layers/model_config.h"

namespace tessera {

/// ceil(H / Ph) x ceil(W / Pw) patches of a map of `size`, each seen where it is and then from
/// places `shift` pixels away: diagonal {-,-}, {-,+}, {+,-}, {+,+}; cardinal {-,0}, {0,-}, {0,+},
/// {+,0}; eight: all of these, diagonal first.
PatchGrid shifted_views(Size2 size, Size2 patch, Size2 shift, ShiftDirections directions);

}  // namespace tessera
