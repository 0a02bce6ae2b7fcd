// Pictures of the filters of a patch embedding.
#pragma once

#include "report/plot/picture.h"
#include "report/probes/embedding_filters.h"

namespace tessera::report {

inline constexpr std::int64_t kMostFilters = 128;   ///< shown of an embedding
inline constexpr std::int64_t kFilterColumns = 16;  ///< of them in a row
inline constexpr std::int64_t kFilterWidth = 640;   ///< pixels of a row, about

/// Kernel `i` of [D, h, w, C].  -> [h, w, C]
Tensor kernel_of(const Tensor& kernels, std::int64_t i);

/// The first of the kernels [D, h, w, C], each scaled by itself. One channel goes through the
/// signed colours; of three, each is a colour of light around grey.
Picture filter_mosaic(const Tensor& kernels);

float largest_magnitude(const Tensor& tensor);

}  // namespace tessera::report
